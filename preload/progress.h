/*
 * How far an incremental resize has come, read from the table itself where the
 * rule says how. Uses no thread-local variable: the sampler calls it.
 */
#ifndef MAPTRACE_PRELOAD_PROGRESS_H
#define MAPTRACE_PRELOAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "open_resizes.h"

/* Called once, with the rules. */
void progress_start(const struct rule_set *rules);

/* Reads the table of RESIZE at NS and updates its record. Caller holds the lock. */
void progress_sample(struct open_resize *resize, uint64_t ns);
void progress_sample_all(uint64_t ns);

/*
 * True if TABLE holds OLD in the rule's place for the old array and NEW in its
 * place for the new one: a resize of just this pair is open there.
 */
bool progress_is_open(const struct rule *rule, uintptr_t table, const struct trace_array *old,
                      const struct trace_array *new);

#endif
