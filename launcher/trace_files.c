#include "launcher/trace_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/complain.h"
#include "trace/format.h"

uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The descriptor of a regular file that begins like a trace of this version, or -1. */
static int open_trace(const char *path, int flags, struct trace_header *header)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
        !memcmp(header->magic, TRACE_MAGIC, sizeof header->magic) &&
        header->version == TRACE_VERSION)
        return fd;
    close(fd);
    return -1;
}

/* The monotonic clock begins again with each boot. */
static bool of_this_boot(const struct trace_header *header)
{
    char id[sizeof header->boot_id] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (file) {
        if (!fgets(id, sizeof id, file))
            *id = 0;
        fclose(file);
    }
    id[strcspn(id, "\n")] = 0;
    return !*id || !*header->boot_id || !strncmp(id, header->boot_id, sizeof id);
}

static bool belongs(const struct trace_header *header, const struct run *run)
{
    return header->start_monotonic_ns >= run->started_ns &&
           (run->may_be_untraced || header->root_pid == (uint32_t)run->pid) && of_this_boot(header);
}

static int add(struct trace_files *files, const char *path, const struct run *run)
{
    struct trace_header header;
    int fd = open_trace(path, O_RDONLY, &header);

    if (fd < 0)
        return 0;
    close(fd);
    if (!belongs(&header, run))
        return 0;
    struct trace_file *more = realloc(files->files, (files->count + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    files->files = more;
    more[files->count] = (struct trace_file){
        .path = strdup(path),
        .started_ns = header.start_monotonic_ns,
        .pid = (pid_t)header.pid,
        .ended = header.end != TRACE_END_NONE,
    };
    return more[files->count++].path ? 0 : -ENOMEM;
}

/* OUTPUT as a glob: %p and %e stand for what is not known here, all else for itself. */
static char *output_glob(const char *output, const char *suffix)
{
    char *pattern = malloc(2 * strlen(output) + strlen(suffix) + 1), *end = pattern;

    if (!pattern)
        return NULL;
    for (; *output; output++) {
        if (*output == '%' && output[1]) {
            output++;
            if (*output == 'p' || *output == 'e') {
                *end++ = '*';
                continue;
            }
            if (*output != '%')
                *end++ = '%';
        }
        if (strchr("*?[]\\", *output))
            *end++ = '\\';
        *end++ = *output;
    }
    strcpy(end, suffix);
    return pattern;
}

static int by_start(const void *left, const void *right)
{
    const struct trace_file *a = left, *b = right;

    return (a->started_ns > b->started_ns) - (a->started_ns < b->started_ns);
}

int trace_files_find(const struct run *run, struct trace_files *files)
{
    /* `.old`: another run with the same output may have begun meanwhile. */
    static const char *const suffixes[] = {"", ".[0-9]*", ".old"};
    glob_t found = {0};
    int flags = 0, error = 0;

    *files = (struct trace_files){0};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *pattern = output_glob(run->output, suffixes[i]);
        int answer = pattern ? glob(pattern, flags, NULL, &found) : GLOB_NOSPACE;
        free(pattern);
        if (answer == GLOB_NOSPACE)
            error = -ENOMEM;
        flags = GLOB_APPEND;
    }
    for (size_t i = 0; i < found.gl_pathc && !error; i++)
        error = add(files, found.gl_pathv[i], run);
    globfree(&found);
    if (error)
        trace_files_free(files);
    else if (files->count)
        qsort(files->files, files->count, sizeof *files->files, by_start);
    return error;
}

void trace_files_free(struct trace_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->files[i].path);
    free(files->files);
    *files = (struct trace_files){0};
}

static void write_end(const char *path, int wait_status, uint64_t now)
{
    const size_t from = offsetof(struct trace_header, end);
    const size_t to = offsetof(struct trace_header, last_ns);
    struct trace_header header;
    int fd = open_trace(path, O_RDWR, &header);

    if (fd < 0)
        return;
    header.end = WIFSIGNALED(wait_status) ? TRACE_END_SIGNAL : TRACE_END_EXIT;
    header.end_status =
        (uint32_t)(WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    header.end_ns = now - header.start_monotonic_ns;
    if (pwrite(fd, (char *)&header + from, to - from, (off_t)from) != (ssize_t)(to - from))
        complain("%s: cannot note how the program ended", path);
    close(fd);
}

void trace_files_end(const struct trace_files *files, pid_t pid, int wait_status)
{
    uint64_t now = monotonic_now();

    /*
     * Backwards: a program that executed another has a trace for each, and the
     * earlier one ended, without a fault, where the later one began.
     */
    for (size_t i = files->count; i-- > 0;) {
        const struct trace_file *file = &files->files[i];
        if (file->pid != pid)
            continue;
        if (!file->ended)
            write_end(file->path, wait_status, now);
        wait_status = 0;
        now = file->started_ns;
    }
}
