#include "plain.h"

#include <stddef.h>

#include "code.h"
#include "marks.h"
#include "memo.h"

#define MEMOS 4 /* of each thread, found by call address and stack pointer */

struct plain_memo {
    struct memo memo;
    struct memo_word words[MEMO_WORDS(RECOGNISE_DEPTH)];
};

/* BUSY: a handler that interrupts this thread in here leaves the memos alone. */
static __thread struct {
    uint32_t busy;
    struct plain_memo memos[MEMOS];
} own __attribute__((tls_model("initial-exec")));

static bool off;

void plain_start(bool full)
{
    off = full;
}

/*
 * Walks as recognise() does. False as soon as only recognise() can tell: at a
 * grow function, and at one that grows by nameless functions beneath it if
 * nothing has broken their chain.
 */
static bool walk(struct plain_memo *plain, const struct call_site *site)
{
    struct memo_walk at = memo_begin(&plain->memo, site);

    frame_step links = CODE_LINKS, nameless = 0;

    for (unsigned depth = 0;;) {
        frame_step step;

        if (!code_peek(at.pc, &step) || (step & CODE_GROWS) || step_kind(step) == STEP_COMPLEX ||
            step_kind(step) == STEP_POINTER)
            return false;
        if ((step & CODE_DECIDES) && links && nameless)
            return false;
        links &= step;
        nameless |= step & CODE_NAMELESS;
        if (++depth == RECOGNISE_DEPTH)
            return true;
        if (step_kind(step) != STEP_STACK && step_kind(step) != STEP_FRAME)
            return true; /* the stack ends here */
        if (!memo_step(&plain->memo, plain->words, MEMO_WORDS(RECOGNISE_DEPTH), step, &at))
            return true;
    }
}

bool plain_call(const struct call_site *site, uint64_t bytes, enum rule_call call)
{
    struct plain_memo *known = &own.memos[memo_hash(site) % MEMOS];
    bool plain;

    if (off || own.busy)
        return false;
    own.busy = 1;
    __asm__ volatile("" ::: "memory");
    plain = (marks_passed(site) && !gate_leaves(bytes, call)) ||
            memo_same(&known->memo, known->words, site);
    if (!plain) {
        plain = walk(known, site);
        if (!plain || known->memo.count == UINT32_MAX)
            known->memo.site.pc = 0;
    }
    __asm__ volatile("" ::: "memory");
    own.busy = 0;
    return plain;
}
