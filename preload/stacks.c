#include "stacks.h"

#include <stdbool.h>
#include <string.h>

#include "memo.h"
#include "modules.h"
#include "recorder.h"

#define MEMOS 16 /* of each kind */

static struct stack_memo {
    struct memo memo;
    uint32_t id;
    struct memo_word words[MEMO_WORDS(STACKS_DEPTH)];
} memos[MEMOS];

static uintptr_t pcs[STACKS_DEPTH]; /* scratch: a program's stack may be small */

/* The last ones that were saved. */
static struct saved {
    uint32_t id, epoch;
    unsigned count;
    uintptr_t pcs[STACKS_DEPTH];
} saved[MEMOS];

static uint32_t save(const uintptr_t *from, unsigned count)
{
    uint64_t frames[STACKS_DEPTH];

    for (unsigned i = 0; i < count; i++) {
        const struct module *module = modules_find(from[i] - 1);

        if (module && module->trace_index != TRACE_NO_MODULE)
            frames[i] =
                (uint64_t)module->trace_index << 48 | TRACE_FRAME_ADDRESS(from[i] - module->bias);
        else
            frames[i] = (uint64_t)TRACE_NO_MODULE << 48 | TRACE_FRAME_ADDRESS(from[i]);
    }
    return recorder_stack(frames, count);
}

static uint32_t save_once(const uintptr_t *from, unsigned count)
{
    uint64_t hash = count;

    for (unsigned i = 0; i < count; i++)
        hash = (hash ^ from[i]) * 0x9e3779b97f4a7c15u;
    struct saved *known = &saved[(hash >> 32) % MEMOS];
    if (!known->id || known->count != count || known->epoch != code_epoch() ||
        memcmp(known->pcs, from, count * sizeof *from) != 0) {
        known->epoch = code_epoch();
        known->count = count;
        memcpy(known->pcs, from, count * sizeof *from);
        known->id = save(from, count);
    }
    return known->id;
}

/* The number of calls; 0 if they depend on more than the words on the stack. */
static unsigned walk(struct stack_memo *known, const struct call_site *site)
{
    struct memo_walk at = memo_begin(&known->memo, site);
    unsigned count = 0;

    for (;;) {
        frame_step step = code_at(at.pc, true).step;

        pcs[count++] = at.pc;
        if (count == STACKS_DEPTH || step_kind(step) == STEP_END)
            return count;
        if (step_kind(step) != STEP_STACK && step_kind(step) != STEP_FRAME)
            return 0;
        if (!memo_step(&known->memo, known->words, MEMO_WORDS(STACKS_DEPTH), step, &at))
            return count;
    }
}

uint32_t stacks_of(const struct call_site *site)
{
    struct stack_memo *known = &memos[memo_hash(site) % MEMOS];

    if (memo_same(&known->memo, known->words, site))
        return known->id;
    unsigned count = walk(known, site);
    bool lasting = count && known->memo.count != UINT32_MAX;
    if (!count)
        count = recognise_stack(site, pcs, STACKS_DEPTH);
    known->id = save_once(pcs, count);
    if (!lasting || !known->id)
        known->memo.site.pc = 0;
    return known->id;
}

void stacks_forget(void)
{
    memset(memos, 0, sizeof memos);
    memset(saved, 0, sizeof saved);
}
