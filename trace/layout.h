/*
 * Where everything stands in a trace of a given ring size: page-aligned
 * regions, one behind the other, in the order of trace/format.h.
 */
#ifndef MAPTRACE_TRACE_LAYOUT_H
#define MAPTRACE_TRACE_LAYOUT_H

#include <stdint.h>

#include "trace/format.h"

#define LAYOUT_PAGE ((uint64_t)4096)

enum { LAYOUT_REGIONS = 11 };

enum layout_of {
    LAYOUT_OF_TABLES, /* what the guest sees of tables */
    LAYOUT_OF_GO,     /* what is seen of a Go program's maps: types, sites and collections, too */
    LAYOUT_OF_BOTH,   /* live entries have twice the room */
};

/* Fills the regions of HEADER. Returns the size of the file. */
uint64_t layout_place(struct trace_header *header, uint64_t ring_bytes, enum layout_of what);

/* The regions of a trace in a row; INDEX below LAYOUT_REGIONS. */
struct trace_region *layout_region(struct trace_header *header, unsigned index);
unsigned layout_index(const struct trace_header *header, const struct trace_region *region);

/* Bytes of a region, up to where the next one begins. */
uint64_t layout_bytes(const struct trace_region *region);

#endif
