/*
 * The trace of a Go program that has our agent in it: drains the ring, keeps
 * the books of maps and resizes (books.h), looks how far the open ones have come,
 * and writes an ordinary trace file (docs/trace-format.md), as the guest does for
 * other programs.
 *
 * Everything happens in calls of the one thread that has the collector.
 */
#ifndef MAPTRACE_GOLANG_COLLECTOR_H
#define MAPTRACE_GOLANG_COLLECTOR_H

#include "golang/target.h"

struct go_collector;

/*
 * Makes the trace PATH of TARGET, which must outlive the collector. What stood there becomes
 * PATH.old; the file is 0600, links are not followed. COMMAND: the program's arguments.
 * Returns 0 or -errno.
 */
int go_collector_open(struct go_collector **collector, struct go_target *target, const char *path,
                      char *const *command);

/*
 * Takes what has happened. While the program waits at its end (go_target_exiting) this takes the
 * last look at its memory. Returns after how many milliseconds it wants to be called again.
 */
unsigned go_collector_poll(struct go_collector *collector);

/* True when the last look was taken: the program may be let go. */
bool go_collector_has_looked(const struct go_collector *collector);

/*
 * WAIT_STATUS: how the program ended; -1: it runs on without us. Frees the collector. Returns 0,
 * or -errno if not all could be written.
 */
int go_collector_close(struct go_collector *collector, int wait_status);

#endif
