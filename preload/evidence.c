#include "evidence.h"

#include <stddef.h>
#include <string.h>

#include "code.h"
#include "home.h"
#include "pages.h"
#include "safe_read.h"

/* Stack words that are looked at: of the grow frames, and of the caller's behind them. */
#define STACK_WORDS 256
#define CALLER_WORDS 48
/* Calls that are followed to find where the thread's stack begins, as long as that is not known. */
#define DEPTH_MOST 64
/* Leftovers of the allocator's own calls, below the frames of the grow. */
#define BELOW_BYTES 4096

/* Scratch, under the tracer's lock: a program's stack may be small. */
static struct frame frames[RECOGNISE_DEPTH + 2];
static bool readable[LOCATORS_A_SITE];

/* What the new array is, so that it is not taken for an old one. */
struct search {
    struct evidence *evidence;
    uint16_t rule;
    uintptr_t self;
    uint64_t self_bytes;
};

/*
 * The live array of the rule that WORD points into. One that counts as replaced
 * is among them: if its place changes now, it was in use all the time.
 */
static array_index old_array(const struct search *search, uintptr_t word)
{
    if (word - search->self < search->self_bytes)
        return 0;
    array_index index = arrays_around(word);
    if (!index)
        return 0;
    const struct array *array = arrays_at(index);
    return array->record.rule == search->rule ? index : 0;
}

void evidence_copy(struct evidence *to, const struct evidence *from)
{
    memcpy(to, from, offsetof(struct evidence, items));
    memcpy(to->items, from->items, from->count * sizeof *from->items);
    memcpy(to->candidates, from->candidates, from->candidate_count * sizeof *from->candidates);
    memcpy(to->readable, from->readable, sizeof to->readable);
    if (!from->sure)
        memcpy(to->words, from->words, from->candidate_count * sizeof from->words[0]);
}

bool evidence_in_dead_frame(const struct evidence *evidence, uintptr_t slot)
{
    return slot >= evidence->frame_low && slot < evidence->frame_high;
}

static void add_item(struct evidence *evidence, struct evidence_item item)
{
    if (evidence_in_dead_frame(evidence, item.slot))
        item.slot = 0;
    for (unsigned i = 0; i < evidence->count; i++)
        if (evidence->items[i].slot == item.slot && evidence->items[i].array == item.array)
            return;
    if (item.array)
        item.serial = arrays_at(item.array)->serial;
    if (evidence->count < EVIDENCE_MOST)
        evidence->items[evidence->count++] = item;
}

static bool may_be_table(uintptr_t word)
{
    return word % 8 == 0 && word >= 65536 && word < 0x7fffffffe000;
}

static void add_candidate(struct evidence *evidence, uintptr_t word, locator_source source)
{
    if (!may_be_table(word) || pages_in_books(word) || evidence->candidate_count == CANDIDATES_MOST)
        return;
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        if (evidence->candidates[i].table == word)
            return;
    evidence->candidates[evidence->candidate_count++] = (struct evidence_candidate){word, source};
}

/* A word that the grow's frames hold: an array itself, or a pointer to a table. */
static void consider(const struct search *search, uintptr_t word, uintptr_t slot,
                     locator_source source, unsigned rank)
{
    array_index index = old_array(search, word);

    if (!index) {
        add_candidate(search->evidence, word, source);
        return;
    }
    add_item(search->evidence,
             (struct evidence_item){.slot = slot, .array = index, .word = word, .rank = rank});
    /* Where this array was kept when it was young, if it still is. */
    uintptr_t holder = arrays_at(index)->record.holder, held;
    if (holder && safe_read(holder, &held, sizeof held) && arrays_around(held) == index)
        add_item(search->evidence, (struct evidence_item){.slot = holder,
                                                          .table = arrays_at(index)->record.table,
                                                          .array = index,
                                                          .word = held,
                                                          .rank = rank + 1});
}

static void consider_registers(const struct search *search, unsigned frame, unsigned from_grow,
                               unsigned rank)
{
    for (unsigned i = 0; i < REGISTER_COUNT; i++)
        consider(search, frames[frame].registers[i], 0, locator_register(from_grow, i), rank);
}

static void consider_words(const struct search *search, uintptr_t base, uintptr_t low,
                           uintptr_t high, unsigned rank)
{
    bool last = low > base; /* a grow function's own words are spilled registers */

    for (uintptr_t at = low; at + 8 <= high; at += 8)
        consider(search, *(const uintptr_t *)at, last ? at : 0,
                 locator_word((unsigned)((at - base) / 8)), rank);
}

/* The function that goes on may have the table itself in its frame. */
static void consider_places(const struct search *search, uintptr_t low, uintptr_t high)
{
    for (uintptr_t at = low; at < high; at += 8 * TABLE_WORDS)
        add_candidate(search->evidence, at, locator_place((unsigned)((at - low) / 8)));
}

/* Looks behind the candidates for pointers to live arrays. */
static void look_behind(const struct search *search)
{
    struct evidence *evidence = search->evidence;

    evidence_read(evidence, evidence->words[0], evidence->readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        for (unsigned w = 0; evidence->readable[i] && w < TABLE_WORDS; w++) {
            uintptr_t word = evidence->words[i][w], table = evidence->candidates[i].table;
            array_index index = old_array(search, word);

            if (index)
                add_item(evidence, (struct evidence_item){.slot = table + 8 * w,
                                                          .table = table,
                                                          .source = evidence->candidates[i].source,
                                                          .array = index,
                                                          .word = word,
                                                          .rank = 16 + i + w});
        }
}

/* Arrays whose holder is a global variable are found through it: no register need lead there. */
static void look_at_globals(const struct search *search)
{
    for (array_index index = 1; index < arrays_end(); index++) {
        const struct array *array = arrays_at(index);
        uintptr_t word;

        if (array->record.state == TRACE_SLOT_USED && (array->record.flags & TRACE_ARRAY_GLOBAL) &&
            safe_read(array->record.holder, &word, sizeof word) && old_array(search, word) == index)
            add_item(search->evidence, (struct evidence_item){.slot = array->record.holder,
                                                              .table = array->record.holder,
                                                              .array = index,
                                                              .word = word,
                                                              .rank = 64});
    }
}

static bool source_value(locator_source source, unsigned grow, unsigned kept, uintptr_t high,
                         uintptr_t *value)
{
    if (source >> 31) {
        unsigned frame = grow + (source >> 8 & 0xff);

        *value = frame < kept ? frames[frame].registers[source & 0xff] : 0;
        return frame < kept;
    }
    uintptr_t at = frames[grow].sp + 8 * (uintptr_t)(source & 0xffffff);
    if (at + 8 > high)
        return false;
    *value = source >> 29 & 1 ? at : *(const uintptr_t *)at;
    return true;
}

/* Tables may be there, but so may leftovers. */
static bool on_stack(const struct evidence *evidence, uintptr_t slot)
{
    return slot - evidence->frame_low < (uintptr_t)8 << 20;
}

/* The grow functions' own registers and frames say more than their caller's. */
static unsigned source_rank(const struct evidence *evidence, uintptr_t base, locator_source source)
{
    if (source >> 31)
        return source >> 8 & 0xff;
    return base + 8 * (uintptr_t)(source & 0xffffff) < evidence->frame_high ? 4 : 6;
}

/*
 * Looks where earlier grows from this very place kept their tables. If one leads
 * to where an array is known to be held, this is that table: it lives, and
 * nobody takes it away while its grow function runs.
 */
static void look_where_known(const struct search *search, unsigned grow, unsigned kept,
                             uintptr_t high)
{
    struct locators *known = locators_find(search->evidence->site);
    const struct locator *used[LOCATORS_A_SITE];
    uintptr_t slots[LOCATORS_A_SITE], base = frames[grow].sp;
    uint64_t words[LOCATORS_A_SITE];
    unsigned count = 0;
    bool sure = locators_sure(known), in_use[LOCATORS_A_SITE];

    for (unsigned i = 0; known && i < known->count; i++) {
        const struct locator *locator = &known->all[i];
        uintptr_t table;

        if ((sure && !locator_sure(locator)) ||
            !source_value(locator->source, grow, kept, high, &table) || !may_be_table(table))
            continue;
        slots[count] = table + (uintptr_t)(intptr_t)locator->offset;
        in_use[count] = sure && arrays_dwell_at(slots[count]);
        readable[count] = in_use[count] && safe_read_used(slots[count], &words[count]);
        used[count++] = locator;
    }
    safe_read_windows(slots, count, 1, words, readable);
    for (unsigned i = 0; i < count; i++) {
        uintptr_t table = slots[i] - (uintptr_t)(intptr_t)used[i]->offset;

        if (!readable[i])
            continue;
        add_item(
            search->evidence,
            (struct evidence_item){.slot = slots[i],
                                   .table = table,
                                   .source = used[i]->source,
                                   .array = old_array(search, words[i]),
                                   .word = words[i],
                                   .rank = source_rank(search->evidence, base, used[i]->source) +
                                           (on_stack(search->evidence, slots[i]) ? 32 : 0),
                                   .used = in_use[i]});
        add_candidate(search->evidence, table, used[i]->source);
    }
    search->evidence->sure = sure && search->evidence->count;
}

static unsigned walk(const struct call_site *site, const struct recognised *found)
{
    struct frame frame;
    unsigned kept = 0, wanted = found->outer + 2;

    frame_here(&frame);
    /* Our own frames first, down to the program's call. */
    for (unsigned own = 0; own < 12 && !(frame.sp == site->sp && frame.pc == site->pc); own++)
        if (!code_leave(&frame, code_at(frame.pc, true).step))
            break;
    if (frame.sp != site->sp) {
        frame = (struct frame){.pc = site->pc, .sp = site->sp};
        frame.registers[REGISTER_RBP] = site->rbp;
    }
    home_find(site->sp);
    bool at_home = home_has(site->sp), gapless = true;
    for (unsigned depth = 0; depth < DEPTH_MOST; depth++) {
        frame_step step = code_at(frame.pc, true).step;
        uintptr_t sp = frame.sp;

        if (kept <= wanted && kept < sizeof frames / sizeof *frames)
            frames[kept++] = frame;
        else if (at_home)
            break;
        if (step_kind(step) == STEP_END && gapless)
            home_add(site->sp, sp);
        if (!code_leave(&frame, step))
            break;
        gapless &= (step_kind(step) == STEP_STACK || step_kind(step) == STEP_FRAME) &&
                   frame.sp - sp <= HOME_STEP_MOST;
    }
    return kept;
}

void evidence_collect(const struct call_site *site, const struct recognised *found, uintptr_t self,
                      uint64_t self_bytes, struct evidence_stack *stack, struct evidence *evidence)
{
    struct search search = {evidence, (uint16_t)found->rule->index, self,
                            self_bytes ? self_bytes : 1};

    evidence->count = evidence->candidate_count = 0;
    evidence->sure = false;
    evidence->hooked = found->hooked;
    memset(evidence->readable, 0, sizeof evidence->readable);
    unsigned kept = walk(site, found);
    unsigned outer = found->outer, grow = found->grow;

    if (grow >= kept)
        grow = kept - 1;
    if (outer >= kept)
        outer = kept - 1;
    bool has_caller = outer + 1 < kept;
    stack->cfa = has_caller ? frames[outer + 1].sp : frames[outer].sp + 8;
    stack->return_address = has_caller ? frames[outer + 1].pc : 0;
    stack->grow_pc = frames[grow].pc;
    stack->outer_pc = frames[outer].pc;
    stack->frame_count = 0;
    for (unsigned i = grow; i < outer + has_caller; i++)
        stack->frames[stack->frame_count++] =
            (struct evidence_frame){frames[i + 1].sp, frames[i + 1].pc};
    stack->role = evidence->site = 0;
    for (unsigned i = 0; i <= outer + has_caller; i++) {
        evidence->site = (evidence->site ^ frames[i].pc) * 0x9e3779b97f4a7c15u;
        if (i == outer)
            stack->role = evidence->site;
    }
    evidence->frame_low = site->sp - BELOW_BYTES;
    uintptr_t base = frames[grow].sp, caller = stack->cfa;
    evidence->frame_high = found->hooked ? base : caller;
    uintptr_t top = outer + 2 < kept ? frames[outer + 2].sp - 8 : caller;
    if (top - caller > CALLER_WORDS * 8)
        top = caller + CALLER_WORDS * 8;
    /* Where the new array of an incremental table will stand tells nothing of the old one. */
    if (found->rule->kind != RULE_INCREMENTAL || found->rule->old.known)
        look_where_known(&search, grow, kept, top);
    if (evidence->sure)
        return;

    /* Nearest first: the grow functions' registers and frames, then their caller's. */
    for (unsigned i = grow; i <= outer; i++)
        consider_registers(&search, i, i - grow, i - grow);
    uintptr_t high = caller - 8;
    if (high - base > STACK_WORDS * 8)
        high = base + STACK_WORDS * 8;
    consider_words(&search, base, base, high, 4);
    if (has_caller) {
        consider_registers(&search, outer + 1, outer + 1 - grow, 5);
        consider_words(&search, base, caller, top, 6);
    }
    if (found->hooked)
        consider_places(&search, base, high);
    look_behind(&search);
    look_at_globals(&search);
}
