/*
 * The grows that are under way on a thread, or over but not settled, newest
 * first: thread->open. For each event it is asked which of them are over, and
 * those are settled. Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_GROWS_H
#define MAPTRACE_PRELOAD_GROWS_H

#include "activation.h"
#include "thread.h"

/* Settles what is over by the time of an event at SITE. */
void grows_look(struct thread *thread, const struct call_site *site, uint64_t now);

/*
 * The grow of RULE in which an array is born beneath the frames of STACK: one
 * that is under way, or a new one. NULL without memory.
 */
struct activation *grows_enter(struct thread *thread, struct rule *rule,
                               const struct evidence_stack *stack, uint64_t now);

/* ARRAY is released: it may be an old array, or a scratch block. */
void grows_freed(struct thread *thread, const struct array *array, uint64_t now);

/* A block that is no array is about to be released from SITE; BYTES 0: not known. Looks, too. */
void grows_released(struct thread *thread, const struct call_site *site, uintptr_t address,
                    uint64_t bytes, uint64_t now);

/* The grow that is supposed or seen to have replaced ARRAY, if it is not settled; else NULL. */
const struct activation *grows_replacing(const struct thread *thread, const struct array *array);

/*
 * The old array of GROW (NULL: false) is released, and that is the first event
 * of this thread since the new one was made: the release belongs to the grow,
 * even if that was inlined into a function that goes on. Unless the thread had
 * time for something else.
 */
bool grows_ended_by_release(const struct activation *grow, uint64_t now);

/* A watched frame has returned to SITE. */
void grows_returned(struct thread *thread, const struct call_site *site, uint64_t now);

/* The program ends: decides what is left. */
void grows_finish(struct thread *thread, uint64_t now);

#endif
