/*
 * All threads of a process, stopped by ptrace and let go again as if nothing had
 * been. This thread is their tracer in between.
 */
#ifndef MAPTRACE_GOLANG_THREADS_H
#define MAPTRACE_GOLANG_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct thread {
    pid_t id;
    bool stopped;
};

struct threads {
    struct thread *items;
    size_t count;
};

/*
 * One thread, which stands still then: rather one that sleeps. THREADS has none before.
 * UNFILTERED: its seccomp filters are suspended meanwhile, which takes CAP_SYS_ADMIN (-EPERM).
 *
 * 0 or -errno, and then none is stopped: -EPERM if it may not be traced, -ESRCH if it is gone,
 * -ETIMEDOUT if a thread does not stop within half a second (it sleeps in the kernel).
 */
int threads_stop_one(struct threads *threads, pid_t process, bool unfiltered);

/* All that do not stand still. 0 or -errno, as above. */
int threads_stop(struct threads *threads, pid_t process, bool unfiltered);

/*
 * Returns when no thread is traced any more. One that sleeps in the kernel stops when it wakes,
 * and one that dies is nobody's until we have taken note of it: there is no leaving before.
 */
void threads_release(struct threads *threads);

#endif
