/*
 * Getting the processor at once, while others stand still and wait for us: on a busy
 * machine our own place in the queue was nearly all of the time that they stood.
 *
 * For the calling thread. What is not allowed is not done.
 */
#ifndef MAPTRACE_GOLANG_HASTE_H
#define MAPTRACE_GOLANG_HASTE_H

#include <linux/sched/types.h>

/* How the thread was scheduled before. */
struct haste {
    struct sched_attr before;
};

void haste_begin(struct haste *haste);
void haste_end(const struct haste *haste);

#endif
