/*
 * The quick no. Nearly every allocation has no grow function on its stack;
 * this says so for a fraction of what recognise() costs, and is never wrong
 * about it: what it cannot say for sure it leaves to recognise().
 *
 * Each thread remembers the last walks that found nothing, word by word: where
 * on the stack a word was read, and what it was. A call from the same address
 * with the same stack pointer that finds the same words in the same places
 * would walk the same way. The words are compared in the order in which a walk
 * reads them, each only if those before it are the same: nothing is read that a
 * walk would not read, even if the stack is another one by now.
 */
#ifndef MAPTRACE_PRELOAD_PLAIN_H
#define MAPTRACE_PRELOAD_PLAIN_H

#include <stdbool.h>

#include "recognise.h"

/* FULL: never says yes, so that every stack is walked by recognise(). */
void plain_start(bool full);

/*
 * True if recognise() would surely find nothing. Keeps errno. Async-signal-safe.
 */
bool plain_call(const struct call_site *site, uint64_t bytes, enum rule_call call);

#endif
