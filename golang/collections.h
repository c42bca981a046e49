/* Garbage collections of a Go program, into its trace. */
#ifndef MAPTRACE_GOLANG_COLLECTIONS_H
#define MAPTRACE_GOLANG_COLLECTIONS_H

#include "golang/go_trace.h"
#include "golang/target.h"

/*
 * Notes what has ended since the last call, at which CYCLES had ended (TRACE_UNKNOWN: there was
 * none). Returns how many have ended by now, TRACE_UNKNOWN if that cannot be read.
 */
uint64_t go_collections_note(struct go_trace *trace, const struct go_target *target,
                             uint64_t cycles);

/* When the last one ended, if more than CYCLES have; else 0. A time of the trace. */
uint64_t go_collections_end(const struct go_trace *trace, const struct go_target *target,
                            uint64_t cycles);

#endif
