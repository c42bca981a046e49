/*
 * Old arrays that no rule saw being made (by a constructor, a copy, or by code
 * that a hook does not pass through): a block that was released in the grow is
 * the one if it can be shown to have been the table's.
 */
#ifndef MAPTRACE_PRELOAD_ADOPT_H
#define MAPTRACE_PRELOAD_ADOPT_H

#include "activation.h"

/*
 * Settles BIRTH if it replaced such a block; false if none is known. After
 * evidence_look(). Caller holds the tracer's lock.
 */
bool adopt_released(struct activation *activation, struct birth *birth, uint64_t now);

#endif
