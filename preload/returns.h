/*
 * Sees a grow function return.
 *
 * When an allocation was recognised, the return address of its grow function
 * is replaced, on the stack, by the address of a *thunk*, a few bytes of ours
 * that tell resizes_returned() and jump to the original address. Each return
 * address has a thunk of its own, for good, so a thunk needs no memory of who
 * went through: an exception or longjmp past it, a stack that is copied and
 * returned through twice, a switch of stacks or a fork do no harm. Unwinders
 * find their way by the thunks' call frame information.
 *
 * Not done where the processor checks return addresses itself (shadow stacks).
 */
#ifndef MAPTRACE_PRELOAD_RETURNS_H
#define MAPTRACE_PRELOAD_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

/* More return addresses than this are not watched. As in return_thunks.S. */
#define RETURNS_MOST 1024
#define RETURNS_STRIDE 16

struct returns_target {
    uintptr_t address; /* where the thunk of the same index goes; 0: not in use */
    bool lasting;      /* of a frame that goes on after its grows: not worth watching */
};
_Static_assert(sizeof(struct returns_target) == RETURNS_STRIDE, "as in return_thunks.S");

extern struct returns_target returns_targets[RETURNS_MOST];
extern const char returns_thunks[RETURNS_MOST * RETURNS_STRIDE];

/* OFF: nothing is ever watched. Caller is alone. */
void returns_start(bool off);

/*
 * The frame of this thread whose canonical frame address is CFA and that
 * returns to ADDRESS will tell. False if it will not. Caller holds the lock.
 */
bool returns_watch(uintptr_t cfa, uintptr_t address);

/* The frame that was watched is not the grow function's own. Caller holds the lock. */
void returns_forgo(uintptr_t address);

/* PC, or where it leads if it is in a thunk. */
static inline uintptr_t returns_original(uintptr_t pc)
{
    uintptr_t offset = pc - (uintptr_t)returns_thunks;

    return __builtin_expect(offset < sizeof returns_thunks, 0)
               ? __atomic_load_n(&returns_targets[offset / RETURNS_STRIDE].address,
                                 __ATOMIC_RELAXED)
               : pc;
}

#endif
