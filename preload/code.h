/*
 * What is known of one code address: how to unwind from it, and what it means
 * to the rules. Decided once per address and cached in a table of fixed size
 * that is read without locks.
 */
#ifndef MAPTRACE_PRELOAD_CODE_H
#define MAPTRACE_PRELOAD_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "frames.h"

#define CODE_MARKS 8

struct code_mark {
    struct rule *rule;
    enum rule_role role;
};

/* Addresses with the same meaning share one class. Class 0 means nothing to any rule. */
struct code_class {
    uint8_t count;
    bool nameless; /* in a function without any symbol, in a module where a rule asks for those */
    struct code_mark marks[CODE_MARKS];
};

struct code {
    frame_step step;
    const struct code_class *class; /* never NULL */
};

/*
 * Bits of a step that code_peek() gives, above all that frame_step uses. The
 * address is in a function that can make an allocation an array; even without
 * a chain of nameless functions and wrappers between it and the allocator; that
 * can be part of such a chain; that has no name.
 */
#define CODE_DECIDES ((frame_step)1 << 60)
#define CODE_GROWS ((frame_step)1 << 61)
#define CODE_LINKS ((frame_step)1 << 62)
#define CODE_NAMELESS ((frame_step)1 << 63)
#define CODE_BITS (CODE_DECIDES | CODE_GROWS | CODE_LINKS | CODE_NAMELESS)

/* 0 or -ENOMEM. */
int code_start(void);

/*
 * PC is a return address. LOCKED: the caller holds the tracer's lock. Without
 * it the lock is taken on a miss; in a signal handler that interrupted its
 * holder the answer may be incomplete, and is then not remembered.
 */
struct code code_at(uintptr_t pc, bool locked);

/*
 * The step of PC if it was seen before; false if not, or if it is just being
 * replaced. Takes no lock.
 */
bool code_peek(uintptr_t pc, frame_step *step);

/* Another number each time that what is known of an address may have changed. */
extern uint32_t code_epoch_ __attribute__((visibility("hidden")));
static inline uint32_t code_epoch(void)
{
    return __atomic_load_n(&code_epoch_, __ATOMIC_ACQUIRE);
}

/* Forgets every address: code may have been unloaded. Caller holds the lock. */
void code_forget(void);

/* .eh_frame_hdr of the module of PC, for frames that must be interpreted. */
const void *code_unwind_header(uintptr_t pc);

/* Replaces FRAME by its caller's; see frame_leave(). STEP is that of its pc. */
static inline bool code_leave(struct frame *frame, frame_step step)
{
    return frame_leave(frame, step,
                       step_kind(step) == STEP_COMPLEX ? code_unwind_header(frame->pc) : NULL);
}

#endif
