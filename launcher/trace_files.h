/*
 * The trace files of one run: found by their names, told from those of other
 * runs by what stands in their headers.
 */
#ifndef MAPTRACE_LAUNCHER_TRACE_FILES_H
#define MAPTRACE_LAUNCHER_TRACE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct trace_file {
    char *path;
    uint64_t started_ns; /* CLOCK_MONOTONIC */
    pid_t pid;
    bool ended; /* it says how its process ended */
};

struct trace_files {
    struct trace_file *files; /* in the order in which they began */
    size_t count;
};

struct run {
    const char *output;   /* MAPTRACE_OUTPUT, absolute: a pattern */
    uint64_t started_ns;  /* CLOCK_MONOTONIC, before the command was started */
    pid_t pid;            /* of the command */
    bool may_be_untraced; /* so the first traced process may be a descendant of it */
};

/* Finds what RUN wrote, which may be nothing. Returns 0 or -ENOMEM. */
int trace_files_find(const struct run *run, struct trace_files *files);
void trace_files_free(struct trace_files *files);

/*
 * Notes in the traces of the command PID, where they do not say how it ended,
 * that it ended just now with WAIT_STATUS. What cannot be written stays as it is.
 */
void trace_files_end(const struct trace_files *files, pid_t pid, int wait_status);

/* CLOCK_MONOTONIC now, in nanoseconds. */
uint64_t monotonic_now(void);

#endif
