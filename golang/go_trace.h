/*
 * Where the books of a Go program are written: a trace of its own, which the launcher
 * makes (trace_file.h), or, in the program itself, the trace of the guest, which has
 * live entries as well.
 */
#ifndef MAPTRACE_GOLANG_GO_TRACE_H
#define MAPTRACE_GOLANG_GO_TRACE_H

#include <stdint.h>
#include <time.h>

#include "trace/writer.h"

struct go_trace {
    struct trace_writer *writer;
    uint16_t rule;        /* that of Go's maps, in the trace */
    uint16_t module;      /* the program */
    uint64_t first_table; /* tables have higher numbers than this */
    bool shared;          /* of live entries every other one is somebody else's */
};

static inline struct trace_header *go_trace_header(const struct go_trace *trace)
{
    return trace->writer->header;
}

/* Where live entry number INDEX of ours stands, and how many there are among CAPACITY. */
static inline uint32_t go_trace_slot(const struct go_trace *trace, uint32_t index)
{
    return trace->shared ? 2 * index + 1 : index;
}

static inline uint32_t go_trace_room(const struct go_trace *trace, uint32_t capacity)
{
    return trace->shared ? capacity / 2 : capacity;
}

/* Nanoseconds since the trace began, of a moment on CLOCK_MONOTONIC; and of now. */
static inline uint64_t go_trace_time(const struct go_trace *trace, uint64_t monotonic_ns)
{
    uint64_t start = go_trace_header(trace)->start_monotonic_ns;

    return monotonic_ns > start ? monotonic_ns - start : 0;
}

static inline uint64_t go_trace_now(const struct go_trace *trace)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return go_trace_time(trace, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

#endif
