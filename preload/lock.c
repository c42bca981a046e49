#include "lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "pages.h"
#include "raw.h"
#include "thread.h"

/* 0 free, 1 held, 2 held and somebody sleeps: the classic three-state futex lock. */
struct lock_page {
    uint32_t word;
    uint32_t ours; /* wiped to 0 by fork */
};

static struct lock_page fallback = {.ours = 1};
static struct lock_page *page = &fallback;

int lock_init(void)
{
    struct lock_page *fresh = pages_map(4096);

    /* Without MADV_WIPEONFORK (kernel < 4.14) pthread_atfork still covers fork(). */
    if (fresh && raw_madvise(fresh, 4096, MADV_WIPEONFORK) == 0) {
        fresh->ours = 1;
        page = fresh;
    }
    return 0;
}

bool lock_is_ours(void)
{
    return page->ours;
}

void lock_adopt(void)
{
    page->word = 0;
    page->ours = 1;
}

void lock_disown(void)
{
    page->word = 0;
    page->ours = 0;
}

void lock_take_raw(void)
{
    uint32_t expected = 0;

    if (__atomic_compare_exchange_n(&page->word, &expected, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    for (int spin = 0; spin < 64; spin++) {
        __builtin_ia32_pause();
        expected = 0;
        if (__atomic_compare_exchange_n(&page->word, &expected, 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return;
    }
    while (__atomic_exchange_n(&page->word, 2, __ATOMIC_ACQUIRE) != 0)
        raw_futex(&page->word, FUTEX_WAIT_PRIVATE, 2, NULL);
}

void lock_release_raw(void)
{
    if (__atomic_exchange_n(&page->word, 0, __ATOMIC_RELEASE) == 2)
        raw_futex(&page->word, FUTEX_WAKE_PRIVATE, 1, NULL);
}

bool lock_take(void)
{
    if (thread_self.busy)
        return false;
    thread_self.busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    lock_take_raw();
    return true;
}

void lock_release(void)
{
    lock_release_raw();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread_self.busy = 0;
}
