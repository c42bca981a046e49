/*
 * All threads of a process, stopped by ptrace and let go again as if nothing had
 * been. This thread is their tracer in between.
 */
#ifndef MAPTRACE_GOLANG_THREADS_H
#define MAPTRACE_GOLANG_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct threads {
    pid_t *ids;
    size_t count;
};

/*
 * 0 or -errno, and then none is stopped: -EPERM if it may not be traced, -ESRCH if it is gone,
 * -ETIMEDOUT if a thread does not stop within a tenth of a second (it sleeps in the kernel).
 */
int threads_stop(struct threads *threads, pid_t process);
void threads_release(struct threads *threads);

#endif
