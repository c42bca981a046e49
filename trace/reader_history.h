/* Reads the rings of finished resizes, in one pass or several, through a sieve. */
#ifndef MAPTRACE_TRACE_READER_HISTORY_H
#define MAPTRACE_TRACE_READER_HISTORY_H

#include "trace/reader.h"
#include "trace/reader_source.h"

/*
 * Fills notable, recent and held of TRACE, whose live entries and rules are
 * known, and counts cut and bad entries; refreshes header and rules if a record
 * is newer than they are. A resize that is seen here is dropped from the open
 * ones. SIEVE may be NULL. Returns 0 or -errno; -EAGAIN as header_refresh().
 */
int history_load(struct trace *trace, struct source *source, const struct trace_sieve *sieve);

#endif
