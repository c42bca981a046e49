/*
 * A resize can be seen twice: open, and in a ring, because it ended between two
 * reads, or its process just then. The ring is right.
 */
#ifndef MAPTRACE_TRACE_READER_TWINS_H
#define MAPTRACE_TRACE_READER_TWINS_H

#include "trace/reader.h"

#define TWINS_FILTER_BITS (1u << 16)

struct twins {
    struct trace *trace;
    uint64_t
        filter[TWINS_FILTER_BITS / 64]; /* by old address: a clear bit says that none is open */
};

/* Sorts TRACE's open resizes. */
void twins_begin(struct twins *twins, struct trace *trace);

/* RECORD stands in a ring. */
void twins_see(struct twins *twins, const struct trace_resize *record);

/* Drops the open resizes that were seen in a ring. */
void twins_drop(struct twins *twins);

#endif
