#define _GNU_SOURCE
#include "sampler.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lock.h"
#include "open_resizes.h"
#include "pages.h"
#include "progress.h"
#include "raw.h"
#include "recorder.h"
#include "sandbox.h"

#define SAMPLER_STACK ((size_t)32 << 10)
#define PERIOD_NS 20000000

static uint32_t running;   /* set by the waker, cleared by the thread itself */
static uint32_t stopping;  /* futex the thread sleeps on */
static uint32_t kernel_id; /* cleared by the kernel when the thread is gone */
static char *stack;

bool sampler_runs(void)
{
    return __atomic_load_n(&running, __ATOMIC_ACQUIRE);
}

static int sample(void *unused)
{
    const struct timespec period = {0, PERIOD_NS};

    (void)unused;
    for (;;) {
        raw_futex(&stopping, FUTEX_WAIT_PRIVATE, 0, &period);
        if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
            break;
        lock_take_raw();
        bool wanted = open_resizes_incremental() != 0 && sandbox_may_call();
        if (wanted)
            progress_sample_all(recorder_now());
        else
            /* Under the lock: whoever opens the next resize sees that we are gone. */
            __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
        lock_release_raw();
        if (!wanted)
            break;
    }
    __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    return 0;
}

void sampler_wake(void)
{
    uint32_t expected = 0;
    uint64_t all = ~(uint64_t)0, before;

    if (!sandbox_may_call() || __atomic_load_n(&kernel_id, __ATOMIC_ACQUIRE) ||
        !__atomic_compare_exchange_n(&running, &expected, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    if (!stack)
        stack = pages_map(SAMPLER_STACK);
    if (!stack) {
        __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
        return;
    }
    __atomic_store_n(&stopping, 0, __ATOMIC_RELEASE);
    raw_call(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, (long)&before, 8, 0, 0);
    long id = raw_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                            CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                        stack + SAMPLER_STACK, &kernel_id, sample, NULL);
    raw_call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&before, 0, 8, 0, 0);
    if (raw_failed(id)) {
        kernel_id = 0;
        __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    }
}

void sampler_stop(void)
{
    uint32_t id = __atomic_load_n(&kernel_id, __ATOMIC_ACQUIRE);
    const struct timespec moment = {0, 100000};

    if (!id)
        return;
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    raw_futex(&stopping, FUTEX_WAKE_PRIVATE, 1, NULL);
    while (raw_call(SYS_tgkill, raw_getpid(), id, 0, 0, 0, 0) != -ESRCH)
        raw_call(SYS_nanosleep, (long)&moment, 0, 0, 0, 0, 0);
}

void sampler_forget(void)
{
    running = 0;
    stopping = 0;
    kernel_id = 0;
}
