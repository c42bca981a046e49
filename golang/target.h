/*
 * A Go program with our agent in it.
 *
 * The agent is a page of code near the program's text and a ring (ring.h). Calls
 * and instructions of the runtime are redirected through it. Nobody stays attached:
 * from then on the launcher only reads, memory by golang/memory.h and events by
 * go_ring_drain().
 *
 * At its regular end (not by a signal) the program waits for the launcher: `exiting`
 * is set, and its memory can be looked at for the last time until go_target_release() has been
 * called, the thread in go_target_watch() has died, or GO_EXIT_WAIT_S are over.
 */
#ifndef MAPTRACE_GOLANG_TARGET_H
#define MAPTRACE_GOLANG_TARGET_H

#include "golang/gc.h"
#include "golang/memory.h"
#include "golang/program.h"
#include "golang/ring.h"

enum { GO_EXIT_WAIT_S = 5 };

enum go_hook {                    /* a bit each, of go_target.hooks */
               GO_HOOK_GROW = 1,  /* GROW and MOVED are seen */
               GO_HOOK_CLEAR = 2, /* CLEARED is seen */
               GO_HOOK_EXIT = 4,  /* the end waits */
               GO_HOOK_SWISS = 8, /* SWISS_GROW and SWISS_SPLIT are seen */
};

struct go_plan;       /* golang/plan.h */
struct go_agent_data; /* golang/agent_pages.h */

struct go_target {
    pid_t pid;
    pid_t root;           /* the first process of its run; 0: it is that itself */
    struct memory memory; /* its mappings are those of the moment of the injection */
    struct go_program program;
    struct go_ring ring;
    struct go_plan *plan;       /* what was replaced */
    struct go_agent_data *left; /* an agent that was in it before; count 0: none */
    uint64_t agent;             /* where it is; 0: nowhere */
    uint64_t ring_address;      /* where the ring is in the target */
    struct go_gc_places gc;
    unsigned hooks;      /* enum go_hook */
    uint32_t released;   /* futex: go_target_release() was called */
    uint64_t stopped_ns; /* how long it stood still for the last attaching or detaching */
    bool attached;       /* it ran before: maps may be open whose start was not seen */
    bool liveness;       /* GODEBUG=clobberfree=1: freed memory reads 0xdeadbeef */
    char why_not[320];   /* a sentence: why a hook is missing, or all of them; empty: none is */
};

/* True from the moment at which the program has called exit. */
static inline bool go_target_exiting(const struct go_target *target)
{
    return __atomic_load_n(&target->ring.header->exiting, __ATOMIC_ACQUIRE) == 1;
}

/*
 * For a thread of its own, which must not use robust mutexes: calls SEEN when the program exits,
 * and returns after go_target_release().
 */
void go_target_watch(struct go_target *target, void (*seen)(void *context), void *context);
/* Lets the program go, if it is exiting, and the thread that watches. */
void go_target_release(struct go_target *target);

#endif
