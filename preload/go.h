/*
 * The maps of Go's, where the program is one of Go's (or has Go in it) that loads
 * libraries: the agent of golang/ is in it from before its first instruction on, and
 * what it notes goes into the guest's own trace, by the sampler.
 *
 * The order: go_enter(), the trace is laid out, go_begin(). From there on everything
 * is called with the tracer's lock held.
 */
#ifndef MAPTRACE_PRELOAD_GO_H
#define MAPTRACE_PRELOAD_GO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Looks whether this is a Go program, and leads its code into the agent if all of it is as
 * known. Alone, and before anything of Go's runs. RING_BYTES: of events that wait.
 */
void go_enter(uint64_t ring_bytes);

/* The agent is in: the trace is shared with its maps. */
bool go_is_entered(void);

/* The trace is laid out, and has its rules and modules. */
void go_begin(void);

/* The tracer has given up, and nothing of Go's has run: as if it had never been in. */
void go_leave(const char *why);

/* True while somebody must call go_poll(), or events are lost. */
bool go_is_on(void);

/* Takes what has happened. Answers after how many milliseconds it is due again. */
unsigned go_poll(void);

/*
 * The word that becomes 1 when Go's runtime wants to end the process and waits for go_poll(): a
 * futex, shared. NULL: it will not any more, or there never was one.
 */
uint32_t *go_exit_word(void);

/* Nobody will call go_poll() any more: Go's runtime need not wait at its end. */
void go_unwatched(void);

/* The program ends, and not by Go's runtime. */
void go_finish(void);

/* Writes what is live into a trace that has just got its file. */
void go_publish(void);

/* In a fork's child: the agent does nothing there. */
void go_forget(void);

#endif
