/*
 * Whether a grow function may be on the stack of a thread, without looking.
 *
 * An allocation belongs to a grow only if a call instruction in a grow function
 * was executed and has not returned. So each of them is redirected (redirect.h)
 * to note where on the stack it was. While a thread has no such note, nothing
 * on its stack can make an allocation an array, and nothing needs to be walked.
 *
 * Notes are never taken back by the return. A note is dropped once it is proven
 * that its call is over: the thread is further up the very same stack, or a walk
 * that missed no frame has passed the place. Until then it only costs time.
 *
 * The gate is closed while all this holds: each function that can make an array,
 * in every file that is loaded, is known and redirected. It opens by itself when
 * one more file is loaded; an allocation after that closes it again, if what was
 * loaded can be learned and needs no redirection, or can be redirected, too. While it is
 * open nothing is concluded from notes.
 */
#ifndef MAPTRACE_PRELOAD_MARKS_H
#define MAPTRACE_PRELOAD_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "loads.h"
#include "recognise.h"
#include "thread.h"

/*
 * Redirects what can be, and closes the gate if that is all. Caller holds the
 * lock or is alone, and all that is loaded is known to modules.h. Returns NULL
 * if the gate is closed now, else why not, for people.
 */
const char *marks_start(void);

/* Opens the gate for good: a grow function is known now that is not redirected. Caller holds the
 * lock. */
void marks_open(void);

/* Why the gate is open, if it was closed once; NULL: it is closed. */
const char *marks_why_open(void);

/*
 * Both words are read without a lock while they change: no word that was watched
 * has the value that belongs to another, but for the gate that is closed.
 */
extern struct loads_watch marks_gate __attribute__((visibility("hidden")));

/* 0 while the gate is closed. */
static inline uintptr_t marks_gate_open(void)
{
    const uintptr_t *word = __atomic_load_n(&marks_gate.word, __ATOMIC_RELAXED);

    return __atomic_load_n(word, __ATOMIC_RELAXED) -
           __atomic_load_n(&marks_gate.value, __ATOMIC_RELAXED);
}

/* 0: no grow function is on the stack of this thread. */
static inline uintptr_t marks_set(void)
{
    return thread_self.mark.high | marks_gate_open();
}

/*
 * Drops the thread's note if SITE proves that it is out of date. True if no
 * grow function is on the stack. Closes the gate again if files were loaded. Keeps errno. Not to be
 * entered by a handler that interrupted it on the same thread.
 */
bool marks_passed(const struct call_site *site);

#endif
