/*
 * Puts the agent into a process that is stopped and traced by this thread.
 *
 * go_target_look() only reads, and the process may run meanwhile; what comes then is
 * seen by nobody until go_target_enter() changes its code, or leaves it as it was.
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
 * Memory for the agent and for a ring of about RING_BYTES, and all that can be written before
 * the program is led there. THREAD is stopped; others may run. 0 or -errno, with the reason in
 * why_not.
 */
int go_target_prepare(struct go_target *target, pid_t thread, uint64_t ring_bytes);

/*
 * Leads the program into the agent; one that was left in it is taken out before. All threads are
 * stopped; THREAD is one of them. What is replaced are single instructions, so none can be in the
 * middle. 0 or -errno, with the reason in why_not.
 */
int go_target_enter(struct go_target *target, pid_t thread);

/* Every instruction as it was. All threads are stopped; THREAD is one. 0 or -errno. */
int go_target_remove(struct go_target *target, pid_t thread);

void go_target_close(struct go_target *target);

#endif
