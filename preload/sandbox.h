/*
 * Whether the program has locked itself in. From then on the tracer makes no
 * system call that the program might not make itself: a filter may kill for it.
 */
#ifndef MAPTRACE_PRELOAD_SANDBOX_H
#define MAPTRACE_PRELOAD_SANDBOX_H

#include <stdbool.h>

extern bool sandbox_entered;

static inline bool sandbox_may_call(void)
{
    return !__atomic_load_n(&sandbox_entered, __ATOMIC_RELAXED);
}

#endif
