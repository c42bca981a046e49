/*
 * The tracer's one lock. It guards everything that changes after start-up.
 * It is never held while program code runs, never taken twice by a thread
 * (thread.busy), and waiters sleep, so that a real-time thread cannot starve
 * the holder. In a fork's child it is free (it lives in memory that fork
 * wipes).
 */
#ifndef MAPTRACE_PRELOAD_LOCK_H
#define MAPTRACE_PRELOAD_LOCK_H

#include <stdbool.h>

/* Maps the lock's page. Returns 0 or -errno. */
int lock_init(void);
/* False in a process that came by fork (however it forked) until lock_adopt(). */
bool lock_is_ours(void);
void lock_adopt(void);
/* In a fork's child, where fork has not wiped the page itself. */
void lock_disown(void);

/*
 * Fails (false) only when this very thread is inside already: a signal handler
 * that interrupted the tracer. Async-signal-safe.
 */
bool lock_take(void);
void lock_release(void);

/* For threads without a thread descriptor (the sampler). */
void lock_take_raw(void);
void lock_release_raw(void);

#endif
