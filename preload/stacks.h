/* The stacks of a trace, each kept once. Called with the tracer's lock held. */
#ifndef MAPTRACE_PRELOAD_STACKS_H
#define MAPTRACE_PRELOAD_STACKS_H

#include <stdint.h>

#include "../trace/format.h"

/* Room to find up to CAPACITY words of stacks again. 0 or -ENOMEM. */
int stacks_start(uint32_t capacity);
/* Forgets them all: HEADER begins anew. */
void stacks_clear(struct trace_header *header);
/* The id of the stack, new or known; 0: no room. */
uint32_t stacks_add(struct trace_header *header, const uint64_t *frames, uint32_t count);

#endif
