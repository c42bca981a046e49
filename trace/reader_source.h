/*
 * Bytes of a trace file, as they stand at the moment of the call, and entries
 * of a region as their writer meant them.
 */
#ifndef MAPTRACE_TRACE_READER_SOURCE_H
#define MAPTRACE_TRACE_READER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"

struct source {
    int descriptor;
    uint64_t bytes; /* of the file, when it was opened */
    bool changing;  /* somebody may be writing to it */
    unsigned waits; /* so far, for entries that were being written; starts at 0 */
};

/* Reads up to BYTES at OFFSET. Returns how many there were (fewer only at the end), or -errno. */
int64_t source_read(const struct source *source, void *buffer, uint64_t offset, uint64_t bytes);

/*
 * Called for each entry. ENTRY is a copy of WANT bytes, the visitor's to change;
 * what the file's entries lack of them is zero. STABLE is false if it never stood still long enough
 * to be read as a whole. Returns 0 to go on, or SOURCE_AGAIN to see the entry once more, a little
 * later (not of one that is not STABLE).
 */
typedef int source_visit(void *context, uint64_t index, void *entry, bool stable);
#define SOURCE_AGAIN 1

/* Entries of a region: COUNT of them from number FIRST on. */
struct source_stretch {
    struct trace_region region;
    uint64_t first, count;
};

/*
 * Visits the entries of STRETCH that lie wholly in the file. Returns 0, what
 * VISIT returned, or -errno.
 */
int source_entries(struct source *source, const struct source_stretch *stretch, size_t want,
                   source_visit *visit, void *context);

/* At most COUNT: what the file can hold of REGION. More would only cost memory. */
uint64_t source_fitting(const struct source *source, const struct trace_region *region,
                        uint64_t count);

#endif
