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
 * Nothing is concluded from notes while the gate is open: gate.h.
 */
#ifndef MAPTRACE_PRELOAD_MARKS_H
#define MAPTRACE_PRELOAD_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "code.h"
#include "gate.h"
#include "recognise.h"
#include "thread.h"

/* 0: no grow function is on the stack of this thread. */
static inline uintptr_t marks_set(void)
{
    return thread_self.mark.high | gate_is_open();
}

/*
 * Drops the thread's note if SITE proves that it is out of date. True if no
 * grow function is on the stack. Closes the gate again if files were loaded. Keeps errno. Not to be
 * entered by a handler that interrupted it on the same thread.
 */
bool marks_passed(const struct call_site *site);

/* What a redirected call or entry runs first: code that is the same in every thread. */
#define MARKS_BODY_BYTES 40
void marks_body(uint8_t *body);

/*
 * Notes the calls that are under way before they are redirected, as if they had been, and
 * entries, too: where MAKES_ARRAYS() says so of a return address. The calling thread is the only
 * one. False if its stack cannot be followed. Caller holds the lock.
 */
bool marks_note_under_way(bool (*makes_arrays)(const struct code *code, uintptr_t pc));

#endif
