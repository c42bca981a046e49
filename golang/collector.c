#define _GNU_SOURCE
#include "golang/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "golang/gather.h"
#include "golang/image.h"
#include "golang/open_maps.h"
#include "golang/trace_file.h"

enum { UNFINISHED_MS = 2000 };

struct go_collector {
    struct trace_file file;
    struct go_gather gather;
};

static struct trace_header *header_of(struct go_collector *collector)
{
    return collector->file.writer.header;
}

/* How far from where it was linked to be the program at LOW was loaded. */
static uint64_t bias_of(const struct image *image, uint64_t low)
{
    return image->memory.count ? low - (image->memory.mappings[0].low & ~(uint64_t)4095) : 0;
}

static void describe_module(struct go_collector *collector, const struct go_target *target)
{
    struct trace_header *header = header_of(collector);
    const struct memory *memory = &target->memory;
    struct trace_module *module = trace_entry(&collector->file.writer, &header->modules, 0);
    char path[64];
    struct image image;

    *module = (struct trace_module){.flags = TRACE_MODULE_GO};
    for (size_t i = 0; i < memory->count; i++) {
        if (!memory->mappings[i].program)
            continue;
        if (!module->low)
            module->low = memory->mappings[i].low;
        module->high = memory->mappings[i].high;
    }
    size_t length = strlen(memory->program);
    module->path_cut = length >= sizeof module->path;
    memcpy(module->path, memory->program, module->path_cut ? sizeof module->path - 1 : length);

    snprintf(path, sizeof path, "/proc/%d/exe", (int)target->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && image_open(&image, fd) == 0) {
        module->bias = bias_of(&image, module->low);
        module->build_id_bytes = (uint32_t)image_build_id(&image, module->build_id);
        image_close(&image);
    }
    if (fd >= 0)
        close(fd);
    __atomic_store_n(&header->modules_used, 1, __ATOMIC_RELEASE);
}

/* Maps that were in the middle of a resize when we came. */
static void find_open_maps(struct go_collector *collector)
{
    const struct memory *memory = &collector->gather.target->memory;
    struct go_open_maps maps;

    if (go_open_maps_find(memory, &collector->gather.known_types, &maps) != 0)
        return;
    for (size_t i = 0; i < maps.count; i++)
        go_books_found(&collector->gather.books, &maps.items[i]);
    go_open_maps_free(&maps);
}

static void free_collector(struct go_collector *collector)
{
    go_gather_free(&collector->gather);
    trace_file_close(&collector->file);
    free(collector);
}

int go_collector_open(struct go_collector **result, struct go_target *target, const char *path,
                      char *const *command)
{
    struct go_collector *collector = calloc(1, sizeof *collector);

    if (!collector)
        return -ENOMEM;
    /* As large a trace as the wish for the ring was. */
    int error =
        trace_file_make(&collector->file, path, target->pid, command,
                        target->ring.capacity * sizeof(struct go_event), target->ring.before.ns);
    if (error) {
        free(collector);
        return error;
    }
    struct trace_header *header = header_of(collector);
    header->flags = target->attached ? TRACE_FLAG_ATTACHED : 0;
    if (target->root) {
        header->root_pid = (uint32_t)target->root;
        header->flags |= TRACE_FLAG_DESCENDANT;
    }
    describe_module(collector, target);
    error = go_gather_begin(&collector->gather, target,
                            &(struct go_trace){.writer = &collector->file.writer});
    if (error) {
        free_collector(collector);
        return error;
    }
    if (target->attached)
        find_open_maps(collector);
    *result = collector;
    return 0;
}

unsigned go_collector_poll(struct go_collector *collector)
{
    return go_gather_poll(&collector->gather);
}

static void note_end(struct trace_header *header, int wait_status)
{
    header->end_ns = header->last_ns;
    header->end_status =
        (uint32_t)(WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    __atomic_store_n(&header->end, WIFSIGNALED(wait_status) ? TRACE_END_SIGNAL : TRACE_END_EXIT,
                     __ATOMIC_RELEASE);
}

static void note_detached(struct trace_header *header)
{
    header->end_ns = header->last_ns;
    __atomic_store_n(&header->end, TRACE_END_DETACHED, __ATOMIC_RELEASE);
}

bool go_collector_has_looked(const struct go_collector *collector)
{
    return collector->gather.looked;
}

/* A thread of a program that runs on may just be in the middle of an event. */
static void wait_for_events(struct go_collector *collector, pid_t pid)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < UNFINISHED_MS && kill(pid, 0) == 0; i++) {
        if (!go_gather_is_unfinished(&collector->gather))
            break;
        nanosleep(&moment, NULL);
    }
}

int go_collector_close(struct go_collector *collector, int wait_status)
{
    pid_t pid = collector->gather.target->pid;

    wait_for_events(collector, pid);
    go_gather_end(&collector->gather);
    if (wait_status != -1)
        note_end(header_of(collector), wait_status);
    else if (kill(pid, 0) == 0)
        note_detached(header_of(collector));
    free_collector(collector);
    return 0;
}
