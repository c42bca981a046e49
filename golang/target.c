#define _GNU_SOURCE
#include "golang/target.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set_and_wake(uint32_t *word)
{
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void go_target_release(struct go_target *target)
{
    set_and_wake(&target->ring.header->looked);
}

void go_target_wait(const struct go_target *target)
{
    while (!go_target_exiting(target))
        syscall(SYS_futex, &target->ring.header->exiting, FUTEX_WAIT, 0, NULL, NULL, 0);
}

void go_target_wake(struct go_target *target)
{
    set_and_wake(&target->ring.header->exiting);
}
