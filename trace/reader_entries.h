/* Loads what a process changes while it runs: live arrays, open resizes, rings. */
#ifndef MAPTRACE_TRACE_READER_ENTRIES_H
#define MAPTRACE_TRACE_READER_ENTRIES_H

#include "trace/reader.h"
#include "trace/reader_source.h"

/*
 * Fills arrays, open, notable and recent of TRACE, whose header is known, and
 * counts cut and bad entries. Returns 0 or -errno.
 */
int entries_load(struct trace *trace, struct source *source);

/*
 * Afterwards, when rules and a newer header are known: drops entries that name
 * no rule, and ring records that were never claimed; and of a resize that is both
 * open and in a ring (it ended between two reads, or its process just then), the
 * open half.
 */
void entries_settle(struct trace *trace);

#endif
