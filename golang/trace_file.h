/*
 * The trace file of another process, written by this one through a mapping.
 * Disk space is reserved piece by piece before it is written to; on a full disk
 * entries are lost, and counted, and nobody dies of it.
 */
#ifndef MAPTRACE_GOLANG_TRACE_FILE_H
#define MAPTRACE_GOLANG_TRACE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/layout.h"
#include "trace/writer.h"

struct trace_file {
    struct trace_writer writer;
    int fd;
    uint64_t bytes;                 /* of the file */
    uint64_t ready[LAYOUT_REGIONS]; /* bytes of each region that have room on disk */
    bool full[LAYOUT_REGIONS];      /* no more to be had: a full disk is not asked again */
};

/*
 * Makes the trace PATH of PID, which runs and was started with COMMAND (NULL: what it says
 * itself), from the moment STARTED_NS (CLOCK_MONOTONIC) on. What stood there is renamed to
 * PATH.old. 0 or -errno. The address of FILE must not change until it is closed.
 */
int trace_file_make(struct trace_file *trace, const char *path, pid_t pid, char *const *command,
                    uint64_t ring_bytes, uint64_t started_ns);
void trace_file_close(struct trace_file *trace);

#endif
