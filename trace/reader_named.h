/* Loads what entries name, and what only ever grows: rules, modules, stacks, messages. */
#ifndef MAPTRACE_TRACE_READER_NAMED_H
#define MAPTRACE_TRACE_READER_NAMED_H

#include "trace/reader.h"
#include "trace/reader_source.h"

/*
 * Fills or refills TRACE's rules; BAD is how many made no sense. Returns 0 or
 * -errno; -EAGAIN if there are fewer than before.
 */
int named_rules(struct trace *trace, struct source *source, uint64_t *bad);

/* Fills the others, once; counts bad entries. Returns 0 or -errno. */
int named_rest(struct trace *trace, struct source *source);

#endif
