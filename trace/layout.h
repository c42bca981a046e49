/*
 * Where everything stands in a trace of a given ring size: page-aligned
 * regions, one behind the other, in the order of trace/format.h.
 */
#ifndef MAPTRACE_TRACE_LAYOUT_H
#define MAPTRACE_TRACE_LAYOUT_H

#include <stdint.h>

#include "trace/format.h"

#define LAYOUT_PAGE ((uint64_t)4096)

/* Fills the regions of HEADER. Returns the size of the file. */
uint64_t layout_place(struct trace_header *header, uint64_t ring_bytes);

#endif
