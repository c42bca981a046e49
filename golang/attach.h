/* A Go program that runs already: the agent into it, and out of it again. */
#ifndef MAPTRACE_GOLANG_ATTACH_H
#define MAPTRACE_GOLANG_ATTACH_H

#include "golang/target.h"

/*
 * Stops all threads of PID for a moment (target->stopped_ns). 0 or -errno, and then it is as it
 * was, with the reason in why_not; -ENOENT: it is no Go program. TARGET is to be closed in
 * any case.
 */
int go_target_attach(struct go_target *target, pid_t pid, uint64_t ring_bytes);

/*
 * Every instruction as it was. The agent's page and the ring stay mapped, since a thread may be
 * in a signal handler that returns there; the ring's memory is given back. 0 or -errno: -ESRCH
 * if the process has ended.
 */
int go_target_detach(struct go_target *target);

#endif
