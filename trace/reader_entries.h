/* Loads live entries, which a process changes in place while it runs: arrays and open resizes. */
#ifndef MAPTRACE_TRACE_READER_ENTRIES_H
#define MAPTRACE_TRACE_READER_ENTRIES_H

#include "trace/reader.h"
#include "trace/reader_source.h"

/*
 * Fills arrays and open of TRACE, whose header is known, and counts cut and bad
 * entries. Returns 0 or -errno.
 */
int entries_load(struct trace *trace, struct source *source);

/* Afterwards, when rules are known: drops entries that name none. */
void entries_check(struct trace *trace);

#endif
