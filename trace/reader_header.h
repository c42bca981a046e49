/* Reads the header of a trace, the first time and again. */
#ifndef MAPTRACE_TRACE_READER_HEADER_H
#define MAPTRACE_TRACE_READER_HEADER_H

#include <stddef.h>

#include "trace/format.h"
#include "trace/reader_source.h"

/*
 * Fills HEADER: it is checked, its texts are terminated, and what an older
 * writer's lacks is zero. Returns 0, or -errno and half a sentence in ERROR:
 * -ENODATA if nothing was written yet, -EBADMSG if it is none or damaged, -EPROTONOSUPPORT for
 * another version.
 */
int header_read(struct trace_header *header, const struct source *source, char *error,
                size_t error_bytes);

/*
 * Reads it again, for counts that have changed since. Returns 0 or -errno;
 * -EAGAIN if more has changed than that: a disk that fills up makes a ring
 * smaller, and then entries have moved.
 */
int header_refresh(struct trace_header *header, const struct source *source);

#endif
