/*
 * Reads a trace file into memory, whoever wrote it: a process that is still
 * writing, one that was killed, or somebody hostile. What comes out is safe to
 * index: rule indexes are in range and texts are terminated; stacks and modules
 * are checked by their accessors.
 *
 * Reading never modifies or locks the file, does not map it (it may shrink
 * under us), and uses memory in proportion to the live state in the file and to
 * what is kept of finished resizes, of which there may be very many: a sieve
 * says which. A trace is immutable after it was read. Not signal-safe; threads
 * may read different traces at once.
 */
#ifndef MAPTRACE_TRACE_READER_H
#define MAPTRACE_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"

/* Finished resizes of one ring that were kept, oldest first. */
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
    /* What the rings hold, kept or not, by rule: a histogram as trace_rule.overstays. */
    uint64_t (*held)[TRACE_HISTOGRAM_BUCKETS];
    char *messages; /* terminated, never NULL */
    struct trace_type *types;
    uint32_t type_count;
    struct trace_site *sites;
    uint32_t site_count;
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
 * Sees all finished resizes while a trace is read, each ring from its oldest
 * on. TRACE has its live state and the rules that are named by then; the rest,
 * and what `now_ns` is, comes after. Rules move in memory from call to call.
 */
struct trace_sieve {
    /*
     * A pass begins: the first has NUMBER 0 (again, for another TRACE, if the
     * file has changed too much meanwhile). False: no more passes.
     */
    bool (*pass)(void *context, const struct trace *trace, unsigned number);
    /* True to keep RESIZE in TRACE; asked in the first pass alone. */
    bool (*keep)(void *context, const struct trace *trace, const struct trace_resize *resize);
    void *context;
};

/*
 * Reads PATH; SIEVE may be NULL, which keeps all. Returns 0 and a trace to be
 * freed with trace_free(), or -errno and a sentence in ERROR (which then begins
 * with PATH): -EBADMSG if it is no trace or a damaged one, -EPROTONOSUPPORT for
 * another version.
 */
int trace_read(const char *path, const struct trace_sieve *sieve, struct trace **trace, char *error,
               size_t error_bytes);
void trace_free(struct trace *trace);

/* True if PATH is a regular file that begins like a trace. */
bool trace_has_magic(const char *path);

/* The frames of the stack ID, innermost first; 0 if there is none, or none that makes sense. */
uint32_t trace_stack(const struct trace *trace, uint32_t id, const uint64_t **frames);

/* The module that FRAME is in; NULL if it is in none. */
const struct trace_module *trace_frame_module(const struct trace *trace, uint64_t frame);

/* The type ID of a resize or an array, or NULL. */
const struct trace_type *trace_type(const struct trace *trace, uint32_t id);

/* The bucket of trace_rule.overstays in which RESIZE, whose old array was released, is counted. */
unsigned trace_overstay_bucket(const struct trace_resize *resize);

/* Events for which there was no room. */
uint64_t trace_lost_events(const struct trace *trace);

/* False if anything in the file, or that should be in it, is missing: cut, lost or given up. */
bool trace_complete(const struct trace *trace);

#endif
