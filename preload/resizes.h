/*
 * Pairs each new array with the old one of the same table, and follows the old
 * one until it is released.
 *
 * A grow that is under way on a thread is an activation: the arrays that were
 * born in it with the evidence for whose they are. When the grow function is
 * over, each birth is settled: a place that pointed to the old array and now
 * points to the new one proves the pair.
 *
 * Every function takes the tracer's lock itself, unless it says otherwise.
 */
#ifndef MAPTRACE_PRELOAD_RESIZES_H
#define MAPTRACE_PRELOAD_RESIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "arrays.h"
#include "recognise.h"
#include "thread.h"

/* ROOM open resizes. 0 or -ENOMEM. Caller is alone. */
int resizes_start(uint32_t room);

/* A recognised allocation. Returns without effect in a handler that interrupted the tracer (counted
 * as lost). */
void resizes_allocated(uintptr_t address, uint64_t bytes, const struct recognised *found,
                       const struct call_site *site, uint32_t flags);

/* An allocation that a hook on the container announced: table and old array are known. */
void resizes_announced(uintptr_t address, const struct announcement *announced,
                       const struct call_site *site);

/* The block at ADDRESS, of BYTES (0: not known), is about to be released. */
void resizes_released(struct thread *thread, uintptr_t address, uint64_t bytes,
                      const struct call_site *site);

/*
 * realloc takes its array out before the call, so that nobody else is given
 * the address while it is still filed here, and puts it back afterwards.
 */
struct resizes_moving {
    struct array array;
    bool valid;
};
void resizes_move_begin(uintptr_t address, struct resizes_moving *moving);
/* TO is the new block, 0 if realloc failed (the old one is then put back). FOUND is NULL if not
 * recognised. */
void resizes_move_end(struct resizes_moving *moving, uintptr_t to, uint64_t bytes,
                      const struct recognised *found, const struct call_site *site);
/* A recognised realloc of a block that was not known as an array. */
void resizes_grown(uintptr_t from, uintptr_t to, uint64_t bytes, const struct recognised *found,
                   const struct call_site *site);

/* Some other event on a thread that has an open activation: is the grow over? */
void resizes_event(struct thread *thread, const struct call_site *site);

/*
 * A grow function that is watched has returned to SITE, which is its caller as
 * it goes on.
 */
void resizes_returned(struct thread *thread, const struct call_site *site);

/* The program ends: settles what can be settled and samples progress once more. */
void resizes_finish(void);

/* How many incremental resizes are open. */
uint32_t resizes_incremental(void);

/* In a fork's child: what is open belongs to the parent. Caller is alone and holds the lock. */
void resizes_inherit(void);
/* Writes everything live to a trace that has just begun. Caller holds the lock. */
void resizes_publish_all(void);

#endif
