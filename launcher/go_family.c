#define _GNU_SOURCE /* asprintf */
#include "launcher/go_family.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "golang/attach.h"
#include "golang/inject.h"
#include "launcher/complain.h"
#include "launcher/elf_check.h"
#include "launcher/go_settings.h"
#include "launcher/trace_files.h"
#include "launcher/untraced.h"
#include "trace/format.h"

enum {
    LOOK_MS = 100,
    LOOKS_LEAST = 2,    /* a child of fork executes what its parent does, for a moment */
    LOOKS_MORE = 5,     /* of a program that cannot be stopped just now */
    LOOKS_LOADED = 10,  /* by then it has loaded its libraries, or never will */
    LOOKS_LIBRARY = 20, /* before a program is believed to do without the library that it loads */
};

/* --- one program ----------------------------------------------------------------- */

/* The first name that is free: a process may execute several programs. */
static char *free_path(const struct go_family *family, const struct process *process)
{
    char *path = NULL;

    if (process == family->processes.items && access(family->trace, F_OK) != 0)
        return strdup(family->trace);
    for (unsigned attempt = 1; attempt < 1000; attempt++) {
        int length = attempt == 1
                         ? asprintf(&path, "%s.%d", family->trace, (int)process->pid)
                         : asprintf(&path, "%s.%d.%u", family->trace, (int)process->pid, attempt);
        if (length < 0)
            return NULL;
        if (access(path, F_OK) != 0)
            break;
        free(path);
        path = NULL;
    }
    return path;
}

/* A trace without a resize is litter: compilers and shells come by the thousand. */
static void tidy(const char *path)
{
    struct trace_header header;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    if (pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header && !header.resizes_seen &&
        !header.lost_arrays)
        unlink(path);
    close(fd);
}

static void end_member(struct process *process, int wait_status)
{
    struct go_collection *collection = process->use;

    if (!collection)
        return;
    const struct go_ring_header *ring = collection->target.ring.header;
    if (wait_status < 0 && go_target_exiting(&collection->target))
        wait_status = (int)(ring->exit_status & 0xff) << 8;
    char *path = collection->path;
    bool descendant = collection->target.root != 0;
    go_collection_end(collection, wait_status);
    if (descendant)
        tidy(path);
    free(path);
    free(collection);
    process->use = NULL;
}

/* The agent is in what a traced program forked, too: it is the same memory. */
static bool is_copy(const struct go_family *family, const struct process *process)
{
    const struct process *parent = processes_find(&family->processes, process->parent);

    return parent && parent->use && parent->device == process->device &&
           parent->file == process->file;
}

/* A test suite starts a program by the hundred: it is complained of once. */
static bool is_first_of_its_program(struct go_family *family, const struct process *process)
{
    return program_set_add(&family->complained, process->device, process->file) != 0;
}

static void complain_of(struct go_family *family, const struct process *process,
                        const struct go_target *target, int error)
{
    family->blind = true;
    if (!is_first_of_its_program(family, process))
        return;
    complain("process %d (%s): its Go maps cannot be traced: %s", (int)target->pid,
             target->memory.program, *target->why_not ? target->why_not : strerror(-error));
}

/* It has ended, cannot be stopped just now, or has the library that does it from within. */
static bool is_harmless(int error)
{
    return error == -ESRCH || error == -ETIMEDOUT || error == -EALREADY;
}

static int begin_member(struct go_family *family, struct process *process)
{
    struct go_collection *collection = calloc(1, sizeof *collection);
    char *path = free_path(family, process);
    int error = collection && path ? 0 : -ENOMEM;

    if (!error)
        error = go_target_attach(&collection->target, process->pid, family->ring_bytes);
    if (!error) {
        collection->target.root = family->processes.items[0].pid;
        collection->target.liveness = go_settings_clobber_of(process->pid);
        collection->path = path;
        error = go_collection_begin(collection, NULL);
        if (error)
            go_target_detach(&collection->target);
    } else if (collection && !is_harmless(error) && !is_copy(family, process)) {
        complain_of(family, process, &collection->target, error);
    }
    if (!error) {
        process->use = collection;
        return 0;
    }
    if (collection)
        go_target_close(&collection->target);
    free(collection);
    free(path);
    return error;
}

/* On a busy machine its constructor comes late; whoever comes second finds code that is changed. */
static bool has_library(pid_t pid)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    bool has = false;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !has && getdelim(&entry, &room, 0, file) > 0)
        has = !strncmp(entry, "LD_PRELOAD=", 11) && strstr(entry, "libmaptrace.so");
    free(entry);
    if (file)
        fclose(file);
    return has;
}

static void consider(struct go_family *family, struct process *process)
{
    char program[64];

    if (process->use || process->decided || process->looks < LOOKS_LEAST)
        return;
    snprintf(program, sizeof program, "/proc/%d/exe", (int)process->pid);
    struct elf_verdict verdict = elf_check(program);
    bool waits = verdict.loads && has_library(process->pid);
    unsigned first = waits ? LOOKS_LIBRARY : LOOKS_LEAST;
    process->decided =
        !verdict.go || (process->looks >= first && (begin_member(family, process) != -ETIMEDOUT ||
                                                    process->looks >= first + LOOKS_MORE));
}

/* Of the command itself, what its file tells was said before it ran. */
static void look_for_library(struct go_family *family, const struct process *process)
{
    const char *reason = process->looks == LOOKS_LOADED ? untraced_reason(process->pid) : NULL;
    char path[64], program[256];

    if (!reason || !is_first_of_its_program(family, process))
        return;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)process->pid);
    ssize_t length = readlink(path, program, sizeof program - 1);
    program[length < 0 ? 0 : length] = 0;
    complain("process %d (%s) is not traced: %s", (int)process->pid, program, reason);
}

/* --- all of them ------------------------------------------------------------------- */

int go_family_begin(struct go_family *family, pid_t command, struct go_collection *first)
{
    int error = processes_begin(&family->processes, command);

    if (!error && first) {
        struct process *process = &family->processes.items[0];
        struct stat status;

        process->use = first;
        /* It may execute another before the first look. */
        if (stat(first->target.memory.program, &status) == 0) {
            process->device = status.st_dev;
            process->file = status.st_ino;
        }
    }
    return error;
}

static void look_at_processes(struct go_family *family)
{
    if (processes_look(&family->processes) != 0)
        return;
    for (size_t i = 0; i < family->processes.count; i++) {
        struct process *process = &family->processes.items[i];
        /* The command itself is waited for: its end is told by go_family_end(). */
        if (process->gone && i == 0)
            process->gone = false;
        else if (process->gone || process->changed)
            end_member(process, -1);
        else if (i > 0 || !family->skip_command) {
            look_for_library(family, process);
            consider(family, process);
        }
    }
}

unsigned go_family_look(void *context)
{
    struct go_family *family = context;
    unsigned pause = LOOK_MS;
    uint64_t now = monotonic_now();

    for (size_t i = 0; i < family->processes.count; i++)
        if (family->processes.items[i].use) {
            unsigned own = go_collection_look(family->processes.items[i].use);
            pause = own < pause ? own : pause;
        }
    if (now - family->looked_ns >= LOOK_MS * 1000000u) {
        family->looked_ns = now;
        look_at_processes(family);
    }
    return pause;
}

void go_family_end(struct go_family *family, int wait_status)
{
    for (size_t i = 0; i < family->processes.count; i++) {
        struct process *process = &family->processes.items[i];
        struct go_collection *collection = process->use;

        if (i > 0 && collection && !go_target_exiting(&collection->target))
            go_target_detach(&collection->target);
        end_member(process, i == 0 ? wait_status : -1);
    }
    processes_end(&family->processes);
    program_set_free(&family->complained);
}
