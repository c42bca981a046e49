/* Reads what only runtimes with types and a garbage collector have in their traces. */
#ifndef MAPTRACE_TRACE_READER_RUNTIME_H
#define MAPTRACE_TRACE_READER_RUNTIME_H

#include "trace/reader.h"
#include "trace/reader_source.h"

/* Fills types and collections of TRACE, whose header was checked. 0 or -errno. */
int runtime_load(struct trace *trace, struct source *source);

#endif
