/*
 * Reads a trace file into memory, whoever wrote it: a process that is still
 * writing, one that was killed, or somebody hostile. What comes out is safe to
 * index: rule indexes are in range and texts are terminated; stacks and modules
 * are checked by their accessors.
 *
 * Reading never modifies or locks the file, does not map it (it may shrink
 * under us), and uses memory in proportion to what the file holds. A trace is
 * immutable after it was read. Not signal-safe; threads may read different
 * traces at once.
 */
#ifndef MAPTRACE_TRACE_READER_H
#define MAPTRACE_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"

/* Finished resizes of one ring, oldest first. */
struct trace_ring {
    struct trace_resize *records;
    size_t count;
    uint64_t overwritten; /* older ones that the ring no longer holds */
};

struct trace {
    char *file;                 /* as given to trace_read() */
    struct trace_header header; /* texts are terminated */

    struct trace_rule *rules;
    uint32_t rule_count;
    struct trace_module *modules;
    uint32_t module_count;
    uint64_t *stack_words;
    uint32_t stack_word_count;

    struct trace_array *arrays; /* live ones */
    size_t array_count;
    struct trace_resize *open; /* whose old array is alive */
    size_t open_count;
    struct trace_ring notable, recent;
    char *messages; /* terminated, never NULL */
    struct trace_type *types;
    uint32_t type_count;
    struct trace_collection *collections; /* oldest first */
    size_t collection_count;

    bool running; /* by the process that wrote it, right now */
    /* What the state above is true for: now if running, else the end, or the last sign of life. */
    uint64_t now_ns;

    bool truncated;       /* the file is shorter than it says */
    uint64_t cut_entries; /* left in the middle of being written */
    uint64_t bad_entries; /* hold what no writer writes; dropped */
};

/*
 * Reads PATH. Returns 0 and a trace to be freed with trace_free(), or -errno
 * and a sentence in ERROR (which then begins with PATH): -EBADMSG if it is no
 * trace or a damaged one, -EPROTONOSUPPORT for another version.
 */
int trace_read(const char *path, struct trace **trace, char *error, size_t error_bytes);
void trace_free(struct trace *trace);

/* True if PATH is a regular file that begins like a trace. */
bool trace_has_magic(const char *path);

/* The frames of the stack ID, innermost first; 0 if there is none, or none that makes sense. */
uint32_t trace_stack(const struct trace *trace, uint32_t id, const uint64_t **frames);

/* The module that FRAME is in; NULL if it is in none. */
const struct trace_module *trace_frame_module(const struct trace *trace, uint64_t frame);

/* The type ID of a resize or an array, or NULL. */
const struct trace_type *trace_type(const struct trace *trace, uint32_t id);

/* Events for which there was no room. */
uint64_t trace_lost_events(const struct trace *trace);

/* False if anything in the file, or that should be in it, is missing: cut, lost or given up. */
bool trace_complete(const struct trace *trace);

#endif
