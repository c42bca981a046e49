/* Checks the header of a trace: whatever passes may be followed without fear. */
#ifndef MAPTRACE_TRACE_READER_LAYOUT_H
#define MAPTRACE_TRACE_READER_LAYOUT_H

#include <stddef.h>

#include "trace/format.h"

/* Bytes that the header of version 1 had at first: a shorter one is none. */
#define TRACE_HEADER_LEAST                                                                         \
    (offsetof(struct trace_header, run_traces) + sizeof(((struct trace_header *)0)->run_traces))

/* More rules than any writer has; a header that says more is damaged. */
#define LAYOUT_MOST_RULES 4096u

/*
 * Returns 0, or -EBADMSG (-EPROTONOSUPPORT for another version) and half a
 * sentence in ERROR.
 */
int layout_check(const struct trace_header *header, char *error, size_t error_bytes);

/* Checks only what changes while the process runs: no count is above its capacity. */
int layout_check_counts(const struct trace_header *header, char *error, size_t error_bytes);

#endif
