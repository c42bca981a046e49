#define _GNU_SOURCE
#include "golang/target.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXITING_NEVER = 2 }; /* of `exiting`: nobody waits for it any more */

static void wait_at(const uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void wake(const uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static bool replace(uint32_t *word, uint32_t expected, uint32_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/*
 * If this thread dies, the kernel marks `watcher` and wakes who waits there. The list is in our
 * own memory: the target can only spoil what it waits for itself.
 */
void go_target_watch(struct go_target *target, void (*seen)(void *context), void *context)
{
    struct go_ring_header *header = target->ring.header;
    struct robust_list entry;
    struct robust_list_head list = {
        .list = {&entry},
        .futex_offset = (long)((intptr_t)&header->watcher - (intptr_t)&entry),
    };

    entry.next = &list.list;
    syscall(SYS_set_robust_list, &list, sizeof list);
    replace(&header->watcher, GO_WATCHER_TO_COME, (uint32_t)gettid());
    while (__atomic_load_n(&header->exiting, __ATOMIC_ACQUIRE) == 0)
        wait_at(&header->exiting, 0);
    if (go_target_exiting(target))
        seen(context);
    while (__atomic_load_n(&target->released, __ATOMIC_ACQUIRE) == 0)
        wait_at(&target->released, 0);
    syscall(SYS_set_robust_list, NULL, sizeof list);
}

void go_target_release(struct go_target *target)
{
    struct go_ring_header *header = target->ring.header;

    __atomic_store_n(&header->watcher, 0, __ATOMIC_RELEASE);
    wake(&header->watcher);
    if (replace(&header->exiting, 0, EXITING_NEVER))
        wake(&header->exiting);
    __atomic_store_n(&target->released, 1, __ATOMIC_RELEASE);
    wake(&target->released);
}
