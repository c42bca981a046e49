/*
 * Which rules can see this program, and why the others cannot.
 */
#ifndef MAPTRACE_PRELOAD_STATUS_H
#define MAPTRACE_PRELOAD_STATUS_H

#include "../rules/rule.h"

/* Fills the trace's rule entries. Caller is alone. */
void status_start(const struct rule_set *rules);
/* Judges again by the modules known now; what has been active stays so. Caller holds the lock. */
void status_update(const struct rule_set *rules);

#endif
