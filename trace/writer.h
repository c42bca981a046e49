/*
 * How entries are written into a trace so that a reader can look at any time,
 * and the writer can die at any time. Where the trace is mapped, how it gets
 * its file and who may write when is the caller's; of one trace only one thread
 * writes at a time.
 *
 * Allocates nothing, makes no system call, is async-signal-safe.
 */
#ifndef MAPTRACE_TRACE_WRITER_H
#define MAPTRACE_TRACE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"

/* True if the first ENTRIES of REGION can be written to: a disk may be full. */
typedef bool trace_room(void *context, const struct trace_region *region, uint64_t entries);

struct trace_stack_link {
    uint32_t id, next;
};

struct trace_writer {
    struct trace_header *header; /* the whole trace, mapped */
    trace_room *room;
    void *context;
    /* Stacks by hash, so that each is kept once. */
    uint32_t stack_buckets[4096];
    struct trace_stack_link *stack_links;
    uint32_t stack_links_used, stack_links_room;
};

/* Bytes of the memory that finds CAPACITY words of stacks again. */
size_t trace_stacks_bytes(uint32_t capacity);
/* MEMORY: of so many bytes. The trace has no stacks any more. */
void trace_stacks_start(struct trace_writer *writer, void *memory, uint32_t capacity);
/* The id of a stack as format.h packs it, new or known; 0: no room. */
uint32_t trace_write_stack(struct trace_writer *writer, const uint64_t *frames, uint32_t count);

void *trace_entry(const struct trace_writer *writer, const struct trace_region *region,
                  uint64_t index);

/* Live entries. What finds no room is counted as lost. */
void trace_write_array(struct trace_writer *writer, uint32_t index,
                       const struct trace_array *array);
void trace_write_resize(struct trace_writer *writer, uint32_t index,
                        const struct trace_resize *resize);
/* A finished resize, into one of the rings. */
void trace_write_finished(struct trace_writer *writer, const struct trace_resize *resize);

/* LINE ends with a newline. Dropped without room. */
void trace_write_message(struct trace_writer *writer, const char *line, size_t bytes);

#endif
