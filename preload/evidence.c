#define _GNU_SOURCE
#include "evidence.h"

#include <elf.h>
#include <string.h>

#include "code.h"
#include "modules.h"
#include "safe_read.h"

/* Stack words that are looked at: of the grow frames, and of the caller's behind them. */
#define STACK_WORDS 256
#define CALLER_WORDS 48
#define GLOBAL_BYTES ((size_t)4 << 20)

/* Scratch, under the tracer's lock: a program's stack may be small. */
static struct frame frames[RECOGNISE_DEPTH + 2];
static uint64_t windows[CANDIDATES_MOST * TABLE_WORDS];
static bool readable[CANDIDATES_MOST];

static bool live_of_rule(array_index index, uint16_t rule)
{
    const struct array *array = index ? arrays_at(index) : NULL;

    return array && array->record.rule == rule && !array->resize;
}

static void add_item(struct evidence *evidence, uintptr_t slot, uintptr_t table, array_index index,
                     unsigned rank)
{
    for (unsigned i = 0; i < evidence->count; i++)
        if (evidence->items[i].slot == slot && evidence->items[i].array == index)
            return;
    if (evidence->count < EVIDENCE_MOST)
        evidence->items[evidence->count++] =
            (struct evidence_item){slot, table, index, arrays_at(index)->serial, rank};
}

static bool may_be_table(uintptr_t word)
{
    return word % 8 == 0 && word >= 65536 && word < 0x7fffffffe000;
}

static void add_candidate(struct evidence *evidence, uintptr_t word)
{
    if (!may_be_table(word) || evidence->candidate_count == CANDIDATES_MOST)
        return;
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        if (evidence->candidates[i] == word)
            return;
    evidence->candidates[evidence->candidate_count++] = word;
}

/* A word that the grow's frames hold: an array itself, or a pointer to a table. */
static void consider(struct evidence *evidence, uintptr_t word, uintptr_t slot, uint16_t rule,
                     uintptr_t self, uint64_t self_bytes, unsigned rank)
{
    if (word - self < self_bytes)
        return;
    array_index index = arrays_around(word);
    if (!live_of_rule(index, rule)) {
        add_candidate(evidence, word);
        return;
    }
    add_item(evidence, slot, 0, index, rank);
    /* Where this array was kept when it was young, if it still is. */
    uintptr_t holder = arrays_at(index)->record.holder, held;
    if (holder && safe_read(holder, &held, sizeof held) && arrays_around(held) == index)
        add_item(evidence, holder, arrays_at(index)->record.table, index, rank + 1);
}

static void consider_registers(struct evidence *evidence, const struct frame *frame, uint16_t rule,
                               uintptr_t self, uint64_t bytes, unsigned rank)
{
    for (unsigned i = 0; i < REGISTER_COUNT; i++)
        consider(evidence, frame->registers[i], 0, rule, self, bytes, rank);
}

static void consider_words(struct evidence *evidence, uintptr_t low, uintptr_t high, uint16_t rule,
                           uintptr_t self, uint64_t bytes, unsigned rank)
{
    for (uintptr_t at = low; at + 8 <= high; at += 8)
        consider(evidence, *(const uintptr_t *)at, at, rule, self, bytes, rank);
}

/* Looks behind the candidates for pointers to live arrays. */
static void look_behind(struct evidence *evidence, uint16_t rule, uintptr_t self,
                        uint64_t self_bytes)
{
    safe_read_windows(evidence->candidates, evidence->candidate_count, TABLE_WORDS, windows,
                      readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        for (unsigned w = 0; readable[i] && w < TABLE_WORDS; w++) {
            uintptr_t word = windows[i * TABLE_WORDS + w];
            array_index index = word - self < self_bytes ? 0 : arrays_around(word);

            if (live_of_rule(index, rule))
                add_item(evidence, evidence->candidates[i] + 8 * w, evidence->candidates[i], index,
                         16 + i);
        }
}

/* Arrays whose holder is a global variable are found through it: no register need lead there. */
static void look_at_globals(struct evidence *evidence, uint16_t rule)
{
    for (array_index index = 1; index < arrays_end(); index++) {
        const struct array *array = arrays_at(index);
        uintptr_t word;

        if (array->record.state != TRACE_SLOT_USED || !(array->record.flags & TRACE_ARRAY_GLOBAL) ||
            !live_of_rule(index, rule))
            continue;
        if (safe_read(array->record.holder, &word, sizeof word) && arrays_around(word) == index)
            add_item(evidence, array->record.holder, array->record.holder, index, 64);
    }
}

static unsigned walk(const struct call_site *site, const struct recognised *found,
                     struct evidence_stack *stack)
{
    struct frame frame;
    unsigned kept = 0, wanted = found->outer + 2;

    frame_here(&frame);
    /* Our own frames first, down to the program's call. */
    for (unsigned own = 0; own < 12 && !(frame.sp == site->sp && frame.pc == site->pc); own++)
        if (!frame_leave(&frame, code_at(frame.pc, true).step, code_unwind_header(frame.pc)))
            break;
    if (frame.sp != site->sp) {
        frame = (struct frame){.pc = site->pc, .sp = site->sp};
        frame.registers[REGISTER_RBP] = site->rbp;
    }
    do {
        stack->pcs[stack->count++] = frame.pc;
        if (kept <= wanted && kept < sizeof frames / sizeof *frames)
            frames[kept++] = frame;
    } while (stack->count < sizeof stack->pcs / sizeof *stack->pcs &&
             frame_leave(&frame, code_at(frame.pc, true).step, code_unwind_header(frame.pc)));
    return kept;
}

void evidence_collect(const struct call_site *site, const struct recognised *found, uintptr_t self,
                      uint64_t self_bytes, struct evidence_stack *stack, struct evidence *evidence)
{
    uint16_t rule = (uint16_t)found->rule->index;

    stack->count = 0;
    evidence->count = evidence->candidate_count = 0;
    unsigned kept = walk(site, found, stack);
    unsigned outer = found->outer, grow = found->grow;

    if (grow >= kept)
        grow = kept - 1;
    if (outer >= kept)
        outer = kept - 1;
    bool has_caller = outer + 1 < kept;
    stack->cfa = has_caller ? frames[outer + 1].sp : frames[outer].sp + 8;
    stack->return_address = has_caller ? frames[outer + 1].pc : 0;
    stack->grow_pc = frames[grow].pc;
    stack->role = 0;
    for (unsigned i = 0; i <= grow; i++)
        stack->role = (stack->role ^ frames[i].pc) * 0x9e3779b97f4a7c15u;

    /* Nearest first: the grow functions' registers, their frames, then the frames below and the
     * caller's. */
    for (unsigned i = grow; i <= outer; i++)
        consider_registers(evidence, &frames[i], rule, self, self_bytes, i - grow);
    uintptr_t low = frames[grow].sp, high = has_caller ? frames[outer + 1].sp - 8 : low;
    if (high - low > STACK_WORDS * 8)
        high = low + STACK_WORDS * 8;
    evidence->frame_low = site->sp;
    evidence->frame_high = stack->cfa;
    consider_words(evidence, low, high, rule, self, self_bytes, 4);
    if (has_caller) {
        uintptr_t top = outer + 2 < kept ? frames[outer + 2].sp - 8 : frames[outer + 1].sp;

        consider_registers(evidence, &frames[outer + 1], rule, self, self_bytes, 5);
        if (top - frames[outer + 1].sp > CALLER_WORDS * 8)
            top = frames[outer + 1].sp + CALLER_WORDS * 8;
        consider_words(evidence, frames[outer + 1].sp, top, rule, self, self_bytes, 6);
    }
    if (low > site->sp && low - site->sp <= STACK_WORDS * 8)
        consider_words(evidence, site->sp, low, rule, self, self_bytes, 8);
    look_behind(evidence, rule, self, self_bytes);
    look_at_globals(evidence, rule);
}

bool evidence_in_dead_frame(const struct evidence *evidence, uintptr_t slot)
{
    return slot >= evidence->frame_low && slot < evidence->frame_high;
}

const struct evidence_item *evidence_flipped(const struct evidence *evidence, uintptr_t low,
                                             uint64_t bytes)
{
    for (unsigned i = 0; i < evidence->count; i++) {
        const struct evidence_item *item = &evidence->items[i];
        uintptr_t word;

        if (item->slot && !evidence_in_dead_frame(evidence, item->slot) &&
            safe_read(item->slot, &word, sizeof word) && word - low < bytes)
            return item;
    }
    return NULL;
}

static bool scan(uintptr_t from, uintptr_t to, uintptr_t low, uint64_t bytes, uintptr_t *holder)
{
    static uint64_t chunk[512];

    for (uintptr_t at = from & ~(uintptr_t)7; at < to; at += sizeof chunk) {
        size_t want = to - at < sizeof chunk ? (to - at) & ~(size_t)7 : sizeof chunk;

        if (!want || !safe_read(at, chunk, want))
            continue;
        for (size_t i = 0; i < want / 8; i++)
            if (chunk[i] - low < bytes) {
                *holder = at + 8 * i;
                return true;
            }
    }
    return false;
}

/* Writable data of a loaded module. */
static bool scan_data(const struct module *module, uintptr_t low, uint64_t bytes, uintptr_t *holder)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)module->low;
    size_t left = GLOBAL_BYTES;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff > 4096 - 56)
        return false;
    const Elf64_Phdr *program = (const Elf64_Phdr *)(module->low + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (program[i].p_type != PT_LOAD || !(program[i].p_flags & PF_W))
            continue;
        uintptr_t from = module->bias + program[i].p_vaddr;
        size_t size = program[i].p_memsz < left ? program[i].p_memsz : left;

        left -= size;
        if (scan(from, from + size, low, bytes, holder))
            return true;
    }
    return false;
}

bool evidence_holder(const struct evidence *evidence, uintptr_t low, uint64_t bytes, bool globals,
                     uintptr_t code, uintptr_t *holder, uintptr_t *table)
{
    safe_read_windows(evidence->candidates, evidence->candidate_count, TABLE_WORDS, windows,
                      readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        for (unsigned w = 0; readable[i] && w < TABLE_WORDS; w++)
            if (windows[i * TABLE_WORDS + w] - low < bytes) {
                *table = evidence->candidates[i];
                *holder = *table + 8 * w;
                return true;
            }
    if (!globals)
        return false;
    struct module *owner = modules_find(code - 1);
    struct module *main_program = modules_at(0);
    *table = 0;
    return (owner && scan_data(owner, low, bytes, holder)) ||
           (main_program != owner && scan_data(main_program, low, bytes, holder));
}
