/*
 * When a grow is over: which array did each new one replace?
 */
#ifndef MAPTRACE_PRELOAD_SETTLE_H
#define MAPTRACE_PRELOAD_SETTLE_H

#include "activation.h"

/* True if every old array of this grow is released: what comes now is another grow. */
bool settle_is_done(const struct activation *activation);

/* True if the table already points to the array: this grow has come to its end. */
bool settle_is_stored(struct birth *birth);

/* True if some place points to each array that was born and is not settled, or it is gone again. */
bool settle_is_all_held(struct activation *activation);

/*
 * BIRTH's array is released before its grow seems over. If a table pointed to
 * it when a later array of ACTIVATION was born, it is no scratch block: it was
 * the first of that table, and another call from the same place replaces it.
 * Then settles it, and returns true.
 */
bool settle_was_stored(struct activation *activation, struct birth *birth);

/*
 * Settles what can be settled now. LAST: there will be no other look, decide.
 * True if every birth is settled. Caller holds the lock.
 */
bool settle_activation(struct activation *activation, uint64_t now, bool last);

#endif
