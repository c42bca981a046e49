/*
 * A helper thread that reads the progress of open incremental resizes, for
 * programs that stop calling the allocator, and takes the events of Go's maps
 * (go.h). It exists only while such a resize is open, or, in a Go program, as
 * long as that runs. It is a bare kernel thread: libc does not know it, it has every
 * signal blocked and uses neither errno nor thread-local variables.
 */
#ifndef MAPTRACE_PRELOAD_SAMPLER_H
#define MAPTRACE_PRELOAD_SAMPLER_H

#include <stdbool.h>

bool sampler_runs(void);
/* Starts it unless it runs or must not. Called without the tracer's lock. */
void sampler_wake(void);
/*
 * Ends it and waits until the kernel has forgotten it: the program is about to
 * do something that only a single-threaded process may do, or that would leave
 * a thread behind with other rights. It may be woken again later.
 */
void sampler_stop(void);
/* In a fork's child there is none. */
void sampler_forget(void);

#endif
