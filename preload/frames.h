/*
 * Walking a stack by call frame information (.eh_frame), without locks, without
 * allocation, and with one cached word per return address.
 *
 * Only live frames are read: each step trusts the unwind table of the code
 * that runs there, follows a frame pointer where there is none (believed only if
 * it leads to an address behind a call), and stops at signal frames (what a
 * handler allocates is not done by the code it interrupted), and wherever a
 * frame does not lie above the one before it.
 */
#ifndef MAPTRACE_PRELOAD_FRAMES_H
#define MAPTRACE_PRELOAD_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "returns.h"

/* Callee-saved registers, in the order of frame_step's packed offsets. */
enum {
    REGISTER_RBX,
    REGISTER_RBP,
    REGISTER_R12,
    REGISTER_R13,
    REGISTER_R14,
    REGISTER_R15,
    REGISTER_COUNT
};

struct frame {
    uintptr_t pc; /* return address, or the very pc in the first frame captured by frame_here */
    uintptr_t sp; /* stack pointer as of pc: the frame's lower end */
    uintptr_t registers[REGISTER_COUNT]; /* as of pc */
};

/*
 * How to leave the function at one pc. Packed in one word:
 *   bits 0-3   enum step_kind
 *   bits 4-23  distance from the base register to the CFA, in words
 *   bits 24-59 for each callee-saved register 6 bits: words below the CFA at
 *              which it is saved, 0 if it still has its caller's value
 */
typedef uint64_t frame_step;

enum step_kind {
    STEP_NONE = 0,    /* no unwind information: the walk ends */
    STEP_STACK = 1,   /* CFA = rsp + n */
    STEP_FRAME = 2,   /* CFA = rbp + n */
    STEP_COMPLEX = 3, /* by DWARF expression: interpret each time */
    STEP_END = 4,     /* outermost frame */
    STEP_SIGNAL = 5,  /* signal trampoline */
    STEP_POINTER = 6, /* no unwind information: by the frame pointer, if it looks like one */
};

static inline enum step_kind step_kind(frame_step step)
{
    return (enum step_kind)(step & 15);
}

/* A frame larger than this is a broken table rather than a frame. */
#define LARGEST_FRAME ((uintptr_t)64 << 20)

/* Words below the CFA at which REGISTER is saved; 0: it has its caller's value. */
static inline unsigned frame_saved(frame_step step, unsigned register_number)
{
    return step >> (24 + 6 * register_number) & 63;
}

/* The CFA of a frame with a STEP_STACK or STEP_FRAME; 0 if there can be no frame. */
static inline uintptr_t frame_cfa(frame_step step, uintptr_t sp, uintptr_t rbp)
{
    uintptr_t cfa = (step_kind(step) == STEP_STACK ? sp : rbp) + (step >> 4 & 0xfffff) * 8;

    return cfa <= sp || cfa % 8 || cfa - sp > LARGEST_FRAME ? 0 : cfa;
}

/* The function that covers a pc, by its unwind entry. */
struct frame_function {
    uintptr_t low, high;
};

/*
 * Reads the unwind entry for PC out of the module whose .eh_frame_hdr is at
 * HEADER (NULL: none). FUNCTION may be NULL. Async-signal-safe.
 */
frame_step frame_describe(uintptr_t pc, const void *header, struct frame_function *function);

/*
 * Replaces FRAME by its caller's. False at the end of the walk. HEADER is only
 * used for STEP_COMPLEX.
 */
bool frame_leave(struct frame *frame, frame_step step, const void *header);

/*
 * The caller of the function this is expanded in (which may have been jumped to
 * by one that is watched), which must keep a frame
 * pointer (-fno-omit-frame-pointer). Callee-saved registers are those of *this*
 * function's body, so only rsp, rbp and pc are right; see frame_capture.
 */
#define FRAME_CALLER_PC returns_original((uintptr_t)__builtin_return_address(0))
#define FRAME_CALLER_SP ((uintptr_t)__builtin_frame_address(0) + 16)
#define FRAME_CALLER_RBP (*(uintptr_t *)__builtin_frame_address(0))

/* All callee-saved registers, right here; walk on with frame_leave. */
static inline __attribute__((always_inline)) void frame_here(struct frame *frame)
{
    __asm__ volatile("leaq 0f(%%rip), %%rax\n0:\n\t"
                     "movq %%rax, %0\n\t"
                     "movq %%rsp, %1\n\t"
                     "movq %%rbx, %2\n\t"
                     "movq %%rbp, %3\n\t"
                     "movq %%r12, %4\n\t"
                     "movq %%r13, %5\n\t"
                     "movq %%r14, %6\n\t"
                     "movq %%r15, %7"
                     : "=m"(frame->pc), "=m"(frame->sp), "=m"(frame->registers[0]),
                       "=m"(frame->registers[1]), "=m"(frame->registers[2]),
                       "=m"(frame->registers[3]), "=m"(frame->registers[4]),
                       "=m"(frame->registers[5])
                     :
                     : "rax");
}

#endif
