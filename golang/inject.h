/*
 * Puts the agent into a process that is stopped and traced by this thread.
 *
 * go_target_look() only reads, and the process may run meanwhile; go_target_inject()
 * changes it, or leaves it as it was.
 */
#ifndef MAPTRACE_GOLANG_INJECT_H
#define MAPTRACE_GOLANG_INJECT_H

#include "golang/target.h"

/*
 * Reads what PID is and makes the plan. 0 or -errno: -ENOENT if it is no Go program,
 * -ENOTSUP if it is one whose maps cannot be traced, with the reason in why_not. To be
 * closed in any case.
 */
int go_target_look(struct go_target *target, pid_t pid);

/*
 * All threads are stopped; THREAD is one of them. What is replaced are single instructions, so
 * none can be in the middle. The ring is about RING_BYTES long. 0 or -errno, with the reason in
 * why_not.
 */
int go_target_inject(struct go_target *target, pid_t thread, uint64_t ring_bytes);

/* Every instruction as it was. All threads are stopped; THREAD is one. 0 or -errno. */
int go_target_remove(struct go_target *target, pid_t thread);

void go_target_close(struct go_target *target);

#endif
