/*
 * What single modules of the library need of the others: a thread's state, and a
 * list of modules, which is empty here. No tracer is started.
 */
#ifndef MAPTRACE_TESTS_UNIT_GUEST_ALONE_H
#define MAPTRACE_TESTS_UNIT_GUEST_ALONE_H

#include <stdlib.h>

#include "preload/modules.h"
#include "preload/thread.h"

__thread struct thread thread_self __attribute__((tls_model("initial-exec")));

size_t modules_count(void)
{
    return 0;
}

struct module *modules_at(size_t index)
{
    (void)index;
    abort();
}

#endif
