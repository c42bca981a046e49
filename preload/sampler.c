#define _GNU_SOURCE
#include "sampler.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "go.h"
#include "lock.h"
#include "open_resizes.h"
#include "pages.h"
#include "progress.h"
#include "raw.h"
#include "recorder.h"
#include "sandbox.h"

#define SAMPLER_STACK ((size_t)32 << 10)
#define PERIOD_MS 20u /* between two looks at tables */

static uint32_t running;   /* set by the waker, cleared by the thread itself */
static uint32_t stopping;  /* futex the thread sleeps on */
static uint32_t kernel_id; /* cleared by the kernel when the thread is gone */
static char *stack;

bool sampler_runs(void)
{
    return __atomic_load_n(&running, __ATOMIC_ACQUIRE);
}

/* Sleeps until it is time, or somebody wakes us. */
static void rest(unsigned milliseconds)
{
    const struct timespec time = {0, milliseconds * 1000000l};
    uint32_t *exits = go_exit_word();

    /* Go's runtime may wait at its end already, and for what is not there yet. */
    if (exits && __atomic_load_n(exits, __ATOMIC_RELAXED))
        exits = NULL;
    raw_futex(exits ? exits : &stopping, FUTEX_WAIT, 0, &time);
}

static void wake_up(void)
{
    uint32_t *exits = go_exit_word();

    raw_futex(&stopping, FUTEX_WAKE, 1, NULL);
    if (exits)
        raw_futex(exits, FUTEX_WAKE, 1, NULL);
}

/* What there is to do now; 0: nothing any more, else after how many milliseconds there is again. */
static unsigned look(uint64_t *next)
{
    bool tables = open_resizes_incremental() != 0 && sandbox_may_call();
    uint64_t now = recorder_now();
    unsigned pause = tables ? PERIOD_MS : 0;

    if (tables && now >= *next) {
        progress_sample_all(now);
        *next = now + PERIOD_MS * 1000000u;
    }
    if (go_is_on()) {
        unsigned own = go_poll();
        pause = pause && pause < own ? pause : own;
    }
    return pause;
}

static int sample(void *unused)
{
    unsigned pause = go_is_on() ? 1 : PERIOD_MS;
    uint64_t next = 0;

    (void)unused;
    for (;;) {
        rest(pause);
        if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
            break;
        lock_take_raw();
        pause = look(&next);
        if (!pause)
            /* Under the lock: whoever opens the next resize sees that we are gone. */
            __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
        lock_release_raw();
        if (!pause)
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
    wake_up();
    while (raw_call(SYS_tgkill, raw_getpid(), id, 0, 0, 0, 0) != -ESRCH) {
        raw_call(SYS_nanosleep, (long)&moment, 0, 0, 0, 0, 0);
        wake_up(); /* it may just have been about to sleep */
    }
}

void sampler_forget(void)
{
    running = 0;
    stopping = 0;
    kernel_id = 0;
}
