#define _GNU_SOURCE
#include "golang/target.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

bool go_target_exiting(const struct go_target *target)
{
    return target->ring.header && __atomic_load_n(&target->ring.header->exiting, __ATOMIC_ACQUIRE);
}

void go_target_release(struct go_target *target)
{
    if (!target->ring.header)
        return;
    __atomic_store_n(&target->ring.header->looked, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &target->ring.header->looked, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}
