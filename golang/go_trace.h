/*
 * The trace file of another process, written by this one through a mapping.
 * Disk space is reserved piece by piece before it is written to; on a full disk
 * entries are lost, and counted, and nobody dies of it.
 */
#ifndef MAPTRACE_GOLANG_GO_TRACE_H
#define MAPTRACE_GOLANG_GO_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/writer.h"

enum { GO_TRACE_REGIONS = 11 };

struct go_trace {
    struct trace_writer writer;
    int fd;
    uint64_t bytes;                   /* of the file */
    uint64_t ready[GO_TRACE_REGIONS]; /* bytes of each region that have room on disk */
    bool full[GO_TRACE_REGIONS];      /* no more to be had: a full disk is not asked again */
    uint64_t started_ns;              /* CLOCK_MONOTONIC: header.start_monotonic_ns */
};

/*
 * Makes the trace PATH of PID, which runs and was started with COMMAND (NULL: what it says
 * itself), from the moment STARTED_NS (CLOCK_MONOTONIC) on. What stood there is renamed to
 * PATH.old. 0 or -errno. The address of FILE must not change until it is closed.
 */
int go_trace_make(struct go_trace *trace, const char *path, pid_t pid, char *const *command,
                  uint64_t ring_bytes, uint64_t started_ns);
void go_trace_close(struct go_trace *trace);

/* Nanoseconds since the trace began, of a moment on CLOCK_MONOTONIC; and of now. */
uint64_t go_trace_time(const struct go_trace *trace, uint64_t monotonic_ns);
uint64_t go_trace_now(const struct go_trace *trace);

void go_trace_message(struct go_trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
