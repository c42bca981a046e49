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
};

/* Reads up to BYTES at OFFSET. Returns how many there were (fewer only at the end), or -errno. */
int64_t source_read(const struct source *source, void *buffer, uint64_t offset, uint64_t bytes);

/*
 * Called for each entry. ENTRY is a copy of WANT bytes; what the file's entries
 * lack of them is zero. STABLE is false if it never stood still long enough to
 * be read as a whole. Returns 0 to go on.
 */
typedef int source_visit(void *context, uint64_t index, const void *entry, bool stable);

/*
 * Visits the first COUNT entries of REGION that lie wholly in the file. Returns
 * 0, what VISIT returned, or -errno.
 */
int source_entries(const struct source *source, const struct trace_region *region, uint64_t count,
                   size_t want, source_visit *visit, void *context);

#endif
