/*
 * System calls without libc: they touch neither errno nor any thread-local
 * variable, so they are safe in the sampler thread (which has no thread
 * descriptor of its own), in signal handlers, and before libc is ready.
 * All answer -errno on failure.
 */
#ifndef MAPTRACE_PRELOAD_RAW_H
#define MAPTRACE_PRELOAD_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "maptrace knows the stack layout and system calls of x86-64 Linux only"
#endif

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline bool raw_failed(long result)
{
    return (unsigned long)result > -4096ul;
}

static inline long raw_mmap(void *at, size_t bytes, int protection, int flags, int fd, long offset)
{
    return raw_call(SYS_mmap, (long)at, (long)bytes, protection, flags, fd, offset);
}

static inline long raw_munmap(void *at, size_t bytes)
{
    return raw_call(SYS_munmap, (long)at, (long)bytes, 0, 0, 0, 0);
}

static inline long raw_madvise(void *at, size_t bytes, int advice)
{
    return raw_call(SYS_madvise, (long)at, (long)bytes, advice, 0, 0, 0);
}

static inline long raw_open(const char *path, int flags, int mode)
{
    return raw_call(SYS_openat, -100 /* AT_FDCWD */, (long)path, flags, mode, 0, 0);
}

static inline long raw_close(int fd)
{
    return raw_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long raw_read(int fd, void *buffer, size_t bytes)
{
    return raw_call(SYS_read, fd, (long)buffer, (long)bytes, 0, 0, 0);
}

static inline long raw_write(int fd, const void *buffer, size_t bytes)
{
    return raw_call(SYS_write, fd, (long)buffer, (long)bytes, 0, 0, 0);
}

static inline long raw_futex(uint32_t *word, int operation, uint32_t value, const void *timeout)
{
    return raw_call(SYS_futex, (long)word, operation, value, (long)timeout, 0, 0);
}

static inline long raw_getpid(void)
{
    return raw_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline long raw_gettid(void)
{
    return raw_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

#endif
