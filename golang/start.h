/* A program that is about to be executed, with the agent from its first instruction on. */
#ifndef MAPTRACE_GOLANG_START_H
#define MAPTRACE_GOLANG_START_H

#include "golang/target.h"

/*
 * PID is a child that waits for a byte in GATE, a pipe, before it executes something. It
 * gets that byte in any case, and in any case nothing stays attached to it. Its stops are
 * waited for; its end is not, so the caller can. All signals should be blocked.
 *
 * Returns 0 when the agent is in it, else -errno, after which the program runs untraced:
 * -ENOENT it is no Go program, -ESRCH it has ended or was not executed, -ENOTSUP and others
 * with the reason in why_not. TARGET is to be closed in any case.
 */
int go_target_start(struct go_target *target, pid_t pid, int gate, uint64_t ring_bytes);

#endif
