/*
 * A walk of the stack, remembered by what it read: the same call from the same
 * place of the stack with the same words in the same places means the same
 * walk, for as long as code addresses mean what they meant (code_epoch()).
 * Words are compared in the order in which a walk reads them, so nothing is read
 * that a walk would not read.
 *
 * Only for walks by STEP_STACK and STEP_FRAME, whose way depends on nothing else.
 */
#ifndef MAPTRACE_PRELOAD_MEMO_H
#define MAPTRACE_PRELOAD_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "code.h"
#include "recognise.h"

struct memo {
    struct call_site site; /* pc is 0: empty */
    uint32_t epoch;        /* code_epoch() before the walk */
    uint32_t count;        /* of its words; UINT32_MAX: more than it had room for */
    bool by_rbp;           /* it depends on site.rbp */
};

struct memo_word {
    uintptr_t word;
    uint32_t offset; /* in words from site.sp */
} __attribute__((packed, aligned(4)));

/* The words of a walk over DEPTH frames: return addresses, and maybe frame pointers. */
#define MEMO_WORDS(depth) (2 * ((depth)-1))

static inline uint64_t memo_hash(const struct call_site *site)
{
    return (site->pc ^ site->sp >> 4) * 0x9e3779b97f4a7c15u >> 32;
}

static inline bool memo_same(const struct memo *memo, const struct memo_word *words,
                             const struct call_site *site)
{
    const uintptr_t *stack = (const uintptr_t *)site->sp;

    if (memo->site.pc != site->pc || memo->site.sp != site->sp ||
        (memo->by_rbp && memo->site.rbp != site->rbp) || memo->epoch != code_epoch())
        return false;
    for (uint32_t i = 0; i < memo->count; i++)
        if (stack[words[i].offset] != words[i].word)
            return false;
    return true;
}

/* A walk under way. */
struct memo_walk {
    uintptr_t pc, sp;
    uintptr_t rbp;       /* valid if RBP_PLACE is 0 */
    uintptr_t rbp_place; /* where it is saved: read when a frame is found by it, else never */
    bool rbp_of_site;
};

static inline struct memo_walk memo_begin(struct memo *memo, const struct call_site *site)
{
    memo->site = *site;
    memo->epoch = code_epoch();
    memo->count = 0;
    memo->by_rbp = false;
    return (struct memo_walk){site->pc, site->sp, site->rbp, 0, true};
}

/* The word at ADDRESS, on which the walk depends from now on; room for MOST words. */
static inline uintptr_t memo_note(struct memo *memo, struct memo_word *words, uint32_t most,
                                  uintptr_t address)
{
    uintptr_t offset = address - memo->site.sp;
    uintptr_t word = *(const uintptr_t *)address;

    if (memo->count < most && offset % 8 == 0 && offset / 8 <= UINT32_MAX)
        words[memo->count++] = (struct memo_word){word, (uint32_t)(offset / 8)};
    else
        memo->count = UINT32_MAX;
    return word;
}

/* One step up from a frame of a STEP_STACK or STEP_FRAME. False where the stack ends. */
static inline bool memo_step(struct memo *memo, struct memo_word *words, uint32_t most,
                             frame_step step, struct memo_walk *walk)
{
    if (step_kind(step) == STEP_FRAME && walk->rbp_place) {
        walk->rbp = memo_note(memo, words, most, walk->rbp_place);
        walk->rbp_place = 0;
    }
    memo->by_rbp |= step_kind(step) == STEP_FRAME && walk->rbp_of_site;
    uintptr_t cfa = frame_cfa(step, walk->sp, walk->rbp);
    if (!cfa)
        return false;
    unsigned rbp_words = frame_saved(step, REGISTER_RBP);
    if (rbp_words) {
        walk->rbp_place = cfa - 8 * rbp_words;
        walk->rbp_of_site = false;
    }
    walk->pc = returns_original(memo_note(memo, words, most, cfa - 8));
    walk->sp = cfa;
    return walk->pc != 0;
}

#endif
