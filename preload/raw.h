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

/*
 * Starts RUN(CONTEXT) on a stack that ends at TOP (16-byte aligned), as a thread or
 * process of the kernel's that libc knows nothing of; it ends with what RUN answers.
 * FLAGS are clone(2)'s; both of its ids go to *ID, if they are asked for. Answers the
 * child's id. Not libc's clone: a sanitizer's takes every child for a fork.
 */
static inline long raw_clone(long flags, void *top, uint32_t *id, int (*run)(void *), void *context)
{
    register void *child_id __asm__("r10") = id;
    register long no_tls __asm__("r8") = 0;
    long result;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "movq %[context], %%rdi\n\t"
                     "callq *%[run]\n\t"
                     "movl %%eax, %%edi\n\t"
                     "movl %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(flags), "S"(top), "d"(id), "r"(child_id),
                       "r"(no_tls), [run] "r"(run), [context] "r"(context), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
}

#endif
