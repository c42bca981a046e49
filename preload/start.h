/*
 * The tracer's life in this process: not started, on, or off.
 */
#ifndef MAPTRACE_PRELOAD_START_H
#define MAPTRACE_PRELOAD_START_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"

enum start_state {
    START_NOT_YET = 0, /* libc may not be ready */
    START_UNDER_WAY,
    START_ON,
    START_OFF, /* disabled, or given up: hooks only forward */
};

extern enum start_state start_state __attribute__((visibility("hidden")));

static inline bool start_is_on(void)
{
    return __builtin_expect(start_state == START_ON, 1);
}

/* Starts the tracer if libc is ready. Called by the first hook, at the latest by our constructor.
 */
void start_early(void);

/*
 * A rule has recognised something: there must be a trace file from now on.
 * Caller holds the lock.
 */
void start_seen(void);

/* The process is a fork's child: leaves the parent's trace. False: tracing is off here. */
bool start_after_fork(void);

/* The program ends: what there is to know is recorded. */
void start_end(void);

/* Something could not be recorded. Async-signal-safe. */
void start_missed(void);
void start_missed_release(void);

struct rule *start_rule(unsigned index);
const struct rule_set *start_rules(void);

#endif
