/*
 * What every hooked entry point does around the call that it forwards.
 */
#ifndef MAPTRACE_PRELOAD_WATCH_H
#define MAPTRACE_PRELOAD_WATCH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arrays.h"
#include "marks.h"
#include "recognise.h"
#include "resizes.h"
#include "start.h"
#include "thread.h"

#define MAPTRACE_EXPORT __attribute__((visibility("default")))

/* True if an outer entry point records this call, or the tracer makes it. */
static inline bool watch_nested(void)
{
    if (__builtin_expect(start_state == START_NOT_YET, 0))
        start_early();
    return thread_self.nested != 0;
}

/* True if a call that allocates is surely of no concern: nothing needs to be told. */
static inline bool watch_is_plain(size_t bytes)
{
    uintptr_t marked = marks_set(); /* before the least is read */

    return __builtin_expect(!(marked | (uintptr_t)thread_self.open | thread_self.announced.bytes |
                              (bytes >= __atomic_load_n(&gate_least, __ATOMIC_RELAXED))),
                            1);
}

/* A new block. Keeps errno. */
void watch_allocated(void *memory, size_t bytes, enum rule_call call, const struct call_site *site);

/* MEMORY, which may be an array, is about to be released; BYTES 0: not known. Keeps errno. */
void watch_released(void *memory, uint64_t bytes, const struct call_site *site);

static inline bool watch_may_be_array(const void *memory)
{
    return arrays_maybe(memory) || thread_self.open;
}

/* Around a call that may move a block. */
struct watch_move {
    struct resizes_moving moving;
};
void watch_move_begin(struct watch_move *move, void *memory, const struct call_site *site);
void watch_move_end(struct watch_move *move, void *from, void *to, size_t bytes,
                    enum rule_call call, const struct call_site *site);

#endif
