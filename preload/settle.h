/*
 * When a grow is over: which array did each new one replace?
 */
#ifndef MAPTRACE_PRELOAD_SETTLE_H
#define MAPTRACE_PRELOAD_SETTLE_H

#include "activation.h"

/* The likeliest old array by the evidence at birth; opens a resize that may be taken back. */
void settle_suppose(struct activation *activation, struct birth *birth);

/* True if the table already points to the array: this grow has come to its end. */
bool settle_is_stored(const struct birth *birth);

/*
 * Settles what can be settled now. LAST: there will be no other look, decide.
 * True if every birth is settled. Caller holds the lock.
 */
bool settle_activation(struct activation *activation, uint64_t now, bool last);

#endif
