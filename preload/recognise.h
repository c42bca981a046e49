/*
 * Says whether an allocation is a bucket array: whether its call stack holds a
 * grow function of some rule.
 */
#ifndef MAPTRACE_PRELOAD_RECOGNISE_H
#define MAPTRACE_PRELOAD_RECOGNISE_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "frames.h"

/* Grow functions further from the allocator than this are not looked for. */
#define RECOGNISE_DEPTH 16

struct recognised {
    struct rule *rule;
    unsigned grow;  /* frames above the allocator: the grow function nearest to it */
    unsigned outer; /* the outermost of the grow functions that call one another there */
    bool hooked;    /* that is what called a hook: the grow may be inlined there and it goes on */
};

/* The caller of an entry point, as the entry point's own frame knows it. */
struct call_site {
    uintptr_t pc, sp, rbp;
};

#define CALL_SITE_HERE ((struct call_site){FRAME_CALLER_PC, FRAME_CALLER_SP, FRAME_CALLER_RBP})

/*
 * A bounded walk from SITE. CALL is the kind of entry point. Takes the
 * tracer's lock only for code addresses it has never seen. Async-signal-safe.
 */
bool recognise(const struct call_site *site, uint64_t bytes, enum rule_call call,
               struct recognised *found);

/* True if RULE takes an allocation of that size by that kind of entry point, whatever the stack. */
bool recognise_fits(const struct rule *rule, uint64_t bytes, enum rule_call call);

/* How many frames above the allocator the one stands that had its stack pointer at SP. */
bool recognise_frame(const struct call_site *site, uintptr_t sp, unsigned *depth);

/* True if a function of ROLE of RULE is among the first frames. */
bool recognise_role(const struct call_site *site, const struct rule *rule, enum rule_role role);

/* The return addresses of the whole stack, innermost first; at most ROOM. Caller holds the lock. */
unsigned recognise_stack(const struct call_site *site, uintptr_t *pcs, unsigned room);

#endif
