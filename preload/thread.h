/*
 * What the tracer keeps for each thread. Initial-exec and constant at birth, so
 * that a hook needs neither a call nor a branch to reach it.
 */
#ifndef MAPTRACE_PRELOAD_THREAD_H
#define MAPTRACE_PRELOAD_THREAD_H

#include <stdint.h>

struct activation;

/* What a hook on a container's own function announced: the next allocation of just this size. */
struct announcement {
    uint64_t bytes;  /* 0: none */
    uintptr_t table; /* where the table's pointer to its array stands; 0: not known */
    uintptr_t old_address;
    uint64_t old_bytes;
    uintptr_t stack; /* stack pointer of the announcing caller */
    uint16_t rule;
};

/*
 * Where on the stack return addresses of grow functions stood since the last
 * reset: the outermost and the innermost place. Written by code that marks.c
 * makes, which knows the places of both words.
 */
struct mark {
    uintptr_t high; /* 0: none */
    uintptr_t low;  /* all ones: none */
};

struct thread {
    /* Above 0 while the tracer works or an outer entry point will record: hooks only forward. */
    uint32_t nested;
    /* Above 0 while this thread holds or wants the tracer's lock. */
    uint32_t busy;
    const void *forward; /* the operator that a hooked one forwarded to last */
    uint32_t id;         /* kernel thread id, 0: not asked yet */
    struct mark mark;
    struct activation *open; /* a grow under way, or its outcome not yet confirmed */
    struct announcement announced;
};

extern __thread struct thread thread_self __attribute__((tls_model("initial-exec")));

#endif
