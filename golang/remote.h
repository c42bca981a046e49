/*
 * One thread of another process, which is stopped and of which this thread is the
 * tracer (ptrace): system calls in its name, and words of its memory. All signals are
 * held from begin to end, and the thread goes on afterwards as if nothing had been.
 */
#ifndef MAPTRACE_GOLANG_REMOTE_H
#define MAPTRACE_GOLANG_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct remote {
    pid_t process, thread;
    uint64_t system_call;              /* address of a `syscall` instruction in it */
    struct user_regs_struct registers; /* as they were */
    uint64_t mask;
    uint64_t swallowed; /* signals that came nevertheless, to be sent again: bit N - 1 */
};

/* 0 or -errno; -ESRCH when the thread is gone. */
int remote_begin(struct remote *remote, pid_t process, pid_t thread, uint64_t system_call);
int remote_end(struct remote *remote);

/* What the system call answers: a value, or -errno. */
int64_t remote_call(struct remote *remote, long number, const uint64_t arguments[6]);

/* Writes also what the process itself may only read. 0 or -errno. */
int remote_write(pid_t thread, uint64_t address, const void *bytes, size_t count);

#endif
