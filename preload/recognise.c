#include "recognise.h"

#include <stddef.h>

#include "code.h"
#include "gate.h"
#include "lock.h"
#include "modules.h"

#define RULE_WORDS 4 /* bitmaps over rule indexes: as many as the trace has room for */

/* Calls between two grow functions of one rule that still belong to one grow. */
#define GROW_GAP 2

struct walker {
    struct frame frame;
    struct code code;
    bool locked;
};

static void walk_begin(struct walker *walker, const struct call_site *site, bool locked)
{
    walker->frame = (struct frame){.pc = site->pc, .sp = site->sp};
    walker->frame.registers[REGISTER_RBP] = site->rbp;
    walker->locked = locked;
    walker->code = code_at(site->pc, locked);
}

/* To the caller. Only rsp, rbp and pc are followed, unless a frame needs more. */
static bool walk_next(struct walker *walker)
{
    struct frame *frame = &walker->frame;
    frame_step step = walker->code.step;

    if (step_kind(step) != STEP_STACK && step_kind(step) != STEP_FRAME) {
        if (!code_leave(frame, step))
            return false;
        walker->code = code_at(frame->pc, walker->locked);
        return true;
    }
    uintptr_t cfa = frame_cfa(step, frame->sp, frame->registers[REGISTER_RBP]);
    if (!cfa)
        return false;
    unsigned rbp_words = frame_saved(step, REGISTER_RBP);
    if (rbp_words)
        frame->registers[REGISTER_RBP] = *(uintptr_t *)(cfa - 8 * rbp_words);
    frame->pc = returns_original(*(uintptr_t *)(cfa - 8));
    frame->sp = cfa;
    if (!frame->pc)
        return false;
    walker->code = code_at(frame->pc, walker->locked);
    return true;
}

static bool is_size(const struct rule_sizes *sizes, uint64_t bytes)
{
    if (sizes->step == 0)
        return true;
    uint64_t steps = (bytes - sizes->base) / sizes->step;

    return bytes > sizes->base && (bytes - sizes->base) % sizes->step == 0 &&
           (!sizes->powers || (steps & (steps - 1)) == 0);
}

bool recognise_fits(const struct rule *rule, uint64_t bytes, enum rule_call call)
{
    return (rule->calls & call) && bytes >= rule->min_bytes && is_size(&rule->sizes, bytes);
}

static bool in_map(const uint64_t *map, const struct rule *rule)
{
    return map[rule->index / 64 % RULE_WORDS] >> rule->index % 64 & 1;
}

static void add_to_map(uint64_t *map, const struct rule *rule)
{
    map[rule->index / 64 % RULE_WORDS] |= (uint64_t)1 << rule->index % 64;
}

/* Which rules may have an unbroken chain of nameless functions and wrappers so far. */
struct chain {
    uint64_t rules[RULE_WORDS];
    uint64_t wrapped[RULE_WORDS]; /* those of which a wrapper was met */
    int first_nameless, last_nameless;
    int last_wrapper;
    uintptr_t pc; /* in the last nameless one */
};

static void chain_follow(struct chain *chain, const struct code_class *class, uintptr_t pc,
                         int depth)
{
    uint64_t through[RULE_WORDS] = {0};

    if (class->nameless) {
        if (chain->first_nameless < 0)
            chain->first_nameless = depth;
        chain->last_nameless = depth;
        chain->pc = pc;
        return;
    }
    for (unsigned i = 0; i < class->count; i++)
        if (class->marks[i].role == ROLE_THROUGH)
            add_to_map(through, class->marks[i].rule), chain->last_wrapper = depth;
    for (unsigned i = 0; i < RULE_WORDS; i++) {
        chain->rules[i] &= through[i];
        chain->wrapped[i] |= through[i];
    }
}

/*
 * The wrappers' own helpers are nameless, too. The grow function is above them,
 * or was inlined into the one that has a name: then the wrapper tells most.
 */
static struct recognised chain_found(const struct chain *chain, struct rule *rule)
{
    int first = chain->first_nameless, last = chain->last_nameless;

    if (in_map(chain->wrapped, rule) && chain->last_wrapper > last)
        first = last = chain->last_wrapper;
    else if (in_map(chain->wrapped, rule) && chain->last_wrapper >= first)
        first = chain->last_wrapper + 1;
    return (struct recognised){rule, (unsigned)first, (unsigned)last, false};
}

/* The user's own rules come before built-in ones. */
static bool better(const struct rule *candidate, const struct rule *present)
{
    return !present || (candidate->user && !present->user);
}

bool recognise(const struct call_site *site, uint64_t bytes, enum rule_call call,
               struct recognised *found)
{
    struct walker walker;
    uint64_t excluded[RULE_WORDS] = {0};
    struct chain chain = {{~0ull, ~0ull, ~0ull, ~0ull}, {0}, -1, -1, -1, 0};
    struct rule *callee_of = NULL;
    struct recognised best = {NULL, 0, 0, false};
    bool chained = true;
    unsigned depth = 0;

    walk_begin(&walker, site, false);
    do {
        const struct code_class *class = walker.code.class;

        if (!class->count && !class->nameless) {
            chained = false;
        } else if (!best.rule) {
            for (unsigned i = 0; i < class->count; i++)
                if (class->marks[i].role == ROLE_EXCEPT) {
                    if (!class->marks[i].rule)
                        return false;
                    add_to_map(excluded, class->marks[i].rule);
                }
            for (unsigned i = 0; i < class->count; i++) {
                struct rule *rule = class->marks[i].rule;
                enum rule_role role = class->marks[i].role;

                if (in_map(excluded, rule) || !recognise_fits(rule, bytes, call))
                    continue;
                if (role == ROLE_GROW && better(rule, best.rule))
                    best = (struct recognised){rule, depth, depth, false};
                else if (((role == ROLE_BENEATH && chain.first_nameless >= 0) ||
                          (role == ROLE_CALLEE && chain.last_nameless == (int)depth - 1 &&
                           chain.first_nameless == chain.last_nameless)) &&
                         chained && in_map(chain.rules, rule) &&
                         (!rule->wrapped || in_map(chain.wrapped, rule)) &&
                         better(rule, best.rule)) {
                    best = chain_found(&chain, rule);
                    callee_of = role == ROLE_CALLEE ? rule : NULL;
                }
            }
            if (chained)
                chain_follow(&chain, class, walker.frame.pc, (int)depth);
        } else {
            for (unsigned i = 0; i < class->count; i++)
                if (class->marks[i].rule == best.rule && class->marks[i].role == ROLE_GROW)
                    best.outer = depth;
        }
        if (best.rule && depth > best.outer + GROW_GAP)
            break;
    } while (++depth < RECOGNISE_DEPTH && walk_next(&walker));
    if (!best.rule)
        return false;
    if (callee_of == best.rule && lock_take()) {
        modules_add_grow(chain.pc, best.rule);
        gate_leave(best.rule);
        lock_release();
    }
    *found = best;
    return true;
}

bool recognise_frame(const struct call_site *site, uintptr_t sp, unsigned *depth)
{
    struct walker walker;

    *depth = 0;
    walk_begin(&walker, site, false);
    do
        if (walker.frame.sp >= sp)
            return true;
    while (++*depth < RECOGNISE_DEPTH && walk_next(&walker));
    return false;
}

static bool has_role(const struct rule *rule, enum rule_role role)
{
    const struct rule_glob *glob = rule->globs;

    while (glob && glob->role != role)
        glob = glob->next;
    return glob != NULL;
}

bool recognise_role(const struct call_site *site, const struct rule *rule, enum rule_role role)
{
    struct walker walker;
    unsigned depth = 0;

    if (!has_role(rule, role))
        return false;
    walk_begin(&walker, site, true);
    do {
        const struct code_class *class = walker.code.class;

        for (unsigned i = 0; i < class->count; i++)
            if (class->marks[i].rule == rule && class->marks[i].role == role)
                return true;
    } while (++depth < RECOGNISE_DEPTH && walk_next(&walker));
    return false;
}

unsigned recognise_stack(const struct call_site *site, uintptr_t *pcs, unsigned room)
{
    struct walker walker;
    unsigned count = 0;

    walk_begin(&walker, site, true);
    do
        pcs[count++] = walker.frame.pc;
    while (count < room && walk_next(&walker));
    return count;
}
