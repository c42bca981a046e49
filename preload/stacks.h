/*
 * Call stacks as the trace keeps them. Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_STACKS_H
#define MAPTRACE_PRELOAD_STACKS_H

#include <stdint.h>

#include "recognise.h"

/* More calls than this are not kept. */
#define STACKS_DEPTH 64

/*
 * The id of the whole stack of SITE; 0: no room in the trace. The last ones are
 * remembered and not walked again.
 */
uint32_t stacks_of(const struct call_site *site);

/* The trace begins anew: its ids mean nothing any more. */
void stacks_forget(void);

#endif
