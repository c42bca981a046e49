/*
 * Calls of the program that change what the tracer may do or must know: its
 * end, code that comes and goes, sandboxes, and changes of identity.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "code.h"
#include "go.h"
#include "lock.h"
#include "modules.h"
#include "next.h"
#include "raw.h"
#include "recorder.h"
#include "sampler.h"
#include "sandbox.h"
#include "watch.h"

/* --- the end --------------------------------------------------------------- */

static void ending(void)
{
    /* A vfork child that could not exec ends here too, in its parent's memory. */
    if (start_state != START_ON || !lock_is_ours() ||
        (sandbox_may_call() && recorder_header()->pid != (uint32_t)raw_getpid()))
        return;
    thread_self.nested++;
    start_end();
    thread_self.nested--;
}

#define END(name)                                                                                  \
    MAPTRACE_EXPORT void name(int status)                                                          \
    {                                                                                              \
        static void *known;                                                                        \
        void (*forward)(int) = (void (*)(int))next_symbol(&known, #name, NULL);                    \
        ending();                                                                                  \
        forward(status);                                                                           \
        __builtin_unreachable();                                                                   \
    }

END(_exit)
END(_Exit)
END(quick_exit)

/* --- code that goes -------------------------------------------------------- */

static void forget_code(void)
{
    if (!start_is_on() || !lock_is_ours() || !lock_take())
        return;
    thread_self.nested++;
    modules_sweep();
    code_forget();
    thread_self.nested--;
    lock_release();
}

/*
 * dlopen is not hooked: the library search path depends on its caller. New code
 * is found when it is first seen on a stack.
 */
MAPTRACE_EXPORT int dlclose(void *handle)
{
    static void *known;
    int (*forward)(void *) = (int (*)(void *))next_symbol(&known, "dlclose", NULL);
    int result = forward(handle);
    int kept = errno;

    forget_code();
    errno = kept;
    return result;
}

/* --- sandboxes ------------------------------------------------------------- */

#define PR_SET_SECCOMP 22
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1

#define SECCOMP_MODE_STRICT 1

static void entering_sandbox(bool strict)
{
    if (start_state != START_ON)
        return;
    /* For Go's maps it makes no calls but those that Go's runtime makes. */
    if (!go_is_on())
        sampler_stop();
    bool taken = lock_take();
    recorder_sandboxed(strict);
    if (taken)
        lock_release();
}

/* Declared variadic by libc; the kernel takes five words whatever is given. */
MAPTRACE_EXPORT int prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                          unsigned long d);
MAPTRACE_EXPORT int prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                          unsigned long d)
{
    static void *known;
    int (*forward)(int, ...) = (int (*)(int, ...))next_symbol(&known, "prctl", NULL);

    if (option == PR_SET_SECCOMP)
        entering_sandbox(a == SECCOMP_MODE_STRICT);
    return forward(option, a, b, c, d);
}

/*
 * A jump, not a call: whatever the program does with a bare system call (a clone
 * onto a stack of its own) finds the stack as it left it.
 */
static __attribute__((used)) long (*next_syscall)(long, ...);

static __attribute__((used, noinline)) void before_seccomp(long operation)
{
    if (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER)
        entering_sandbox(operation == SECCOMP_SET_MODE_STRICT);
}

static __attribute__((used, noinline)) void find_syscall(void)
{
    static void *known;

    next_syscall = (long (*)(long, ...))next_symbol(&known, "syscall", NULL);
}

#define SAVED(call)                                                                                \
    "pushq %rdi\n\tpushq %rsi\n\tpushq %rdx\n\tpushq %rcx\n\tpushq %r8\n\tpushq %r9\n\t"           \
    "subq $8, %rsp\n\t" call "\n\t"                                                                \
    "addq $8, %rsp\n\t"                                                                            \
    "popq %r9\n\tpopq %r8\n\tpopq %rcx\n\tpopq %rdx\n\tpopq %rsi\n\tpopq %rdi\n\t"

_Static_assert(SYS_seccomp == 317, "the number below");

__asm__(".text\n\t"
        ".globl syscall\n\t"
        ".type syscall, @function\n"
        "syscall:\n\t"
        "cmpq $0, next_syscall(%rip)\n\t"
        "jne 1f\n\t" SAVED(
            "callq find_syscall") "1:\n\t"
                                  "cmpq $317, %rdi\n\t"
                                  "jne 2f\n\t" SAVED(
                                      "movq %rsi, %rdi\n\tcallq before_seccomp") "2:\n\t"
                                                                                 "jmpq "
                                                                                 "*next_syscall(%"
                                                                                 "rip)\n\t"
                                                                                 ".size syscall, "
                                                                                 ".-syscall");

/* --- changes that ask for a single thread, or must reach every thread -------- */

/* After them nobody may be able to take the events of Go's maps any more: then that is said. */
static void go_on(void)
{
    if (!go_is_on())
        return;
    int kept = errno;
    sampler_wake();
    if (!sampler_runs()) {
        start_missed();
        go_unwatched();
    }
    errno = kept;
}

#define IDENTITY(name, parameters, types, arguments)                                               \
    MAPTRACE_EXPORT int name parameters;                                                           \
    MAPTRACE_EXPORT int name parameters                                                            \
    {                                                                                              \
        static void *known;                                                                        \
        int(*forward) types = (int(*) types)next_symbol(&known, #name, NULL);                      \
        sampler_stop();                                                                            \
        int result = forward arguments;                                                            \
        go_on();                                                                                   \
        return result;                                                                             \
    }

IDENTITY(unshare, (int flags), (int), (flags))
IDENTITY(setns, (int fd, int kind), (int, int), (fd, kind))
IDENTITY(setuid, (uid_t id), (uid_t), (id))
IDENTITY(setgid, (gid_t id), (gid_t), (id))
IDENTITY(seteuid, (uid_t id), (uid_t), (id))
IDENTITY(setegid, (gid_t id), (gid_t), (id))
IDENTITY(setreuid, (uid_t real, uid_t effective), (uid_t, uid_t), (real, effective))
IDENTITY(setregid, (gid_t real, gid_t effective), (gid_t, gid_t), (real, effective))
IDENTITY(setresuid, (uid_t real, uid_t effective, uid_t saved), (uid_t, uid_t, uid_t),
         (real, effective, saved))
IDENTITY(setresgid, (gid_t real, gid_t effective, gid_t saved), (gid_t, gid_t, gid_t),
         (real, effective, saved))
IDENTITY(setgroups, (size_t count, const gid_t *groups), (size_t, const gid_t *), (count, groups))
