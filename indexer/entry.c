#include "indexer/entry.h"

#include <string.h>

#define JUMP_BYTES 5

struct step {
    const uint8_t *code;
    ZydisDecodedInstruction instruction;
};

static bool step_at(const ZydisDecoder *decoder, const uint8_t *code, uint64_t bytes, uint64_t at,
                    struct step *step)
{
    step->code = code + at;
    return at < bytes && ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
                             decoder, NULL, step->code, bytes - at, &step->instruction));
}

/* Goes on with the next instruction. */
static bool is_straight(const struct step *step)
{
    switch (step->instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_INTERRUPT:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
        return false;
    default:
        return true;
    }
}

static bool is_push_of_saved(const struct step *step)
{
    const uint8_t *code = step->code;

    return (step->instruction.length == 1 && (code[0] == 0x53 || code[0] == 0x55)) ||
           (step->instruction.length == 2 && code[0] == 0x41 && code[1] >= 0x54 && code[1] <= 0x57);
}

static bool is_frame_pointer(const struct step *step) /* mov %rsp,%rbp */
{
    return step->instruction.length == 3 && memcmp(step->code, "\x48\x89\xe5", 3) == 0;
}

static bool is_room(const struct step *step) /* sub $...,%rsp */
{
    return (step->instruction.length == 4 && memcmp(step->code, "\x48\x83\xec", 3) == 0) ||
           (step->instruction.length == 7 && memcmp(step->code, "\x48\x81\xec", 3) == 0);
}

static bool can_move(const struct step *step, unsigned offset, struct entry *entry)
{
    const ZydisDecodedInstruction *instruction = &step->instruction;
    bool branch = instruction->meta.category == ZYDIS_CATEGORY_COND_BR;

    if (!branch && !is_straight(step))
        return false;
    if (!branch && !(instruction->attributes & ZYDIS_ATTRIB_IS_RELATIVE))
        return true;
    if (entry->operand_count == ENTRY_OPERANDS ||
        (branch ? instruction->raw.imm[0].size : instruction->raw.disp.size) != 32)
        return false;
    entry->operands[entry->operand_count++] =
        offset + (branch ? instruction->raw.imm[0].offset : instruction->raw.disp.offset);
    return true;
}

/*
 * The code at AT belongs to what a function does once, before all else: from
 * there it comes, on a straight way, to saving a register that is its caller's.
 * No jump leads there, by whatever table: it would save once more.
 */
static bool is_preamble(const ZydisDecoder *decoder, const uint8_t *code, uint64_t bytes,
                        uint64_t at, bool only_frame_before)
{
    struct step step;

    if (!step_at(decoder, code, bytes, at, &step))
        return false;
    if (only_frame_before && is_room(&step))
        return true;
    for (; is_straight(&step);
         at += step.instruction.length, step_at(decoder, code, bytes, at, &step)) {
        if (is_push_of_saved(&step))
            return true;
        if (at + step.instruction.length >= bytes)
            return false;
    }
    return false;
}

/* The other part of a function that was split is jumped into anywhere. */
static bool is_whole(const struct range *range)
{
    return (range->kind == RANGE_SYMBOL || range->kind == RANGE_DYNAMIC ||
            range->kind == RANGE_MINI) &&
           !strstr(range->name, ".cold") && !strstr(range->name, "__part");
}

bool entry_find(const ZydisDecoder *decoder, const uint8_t *code, uint64_t bytes, bool closed,
                const struct range *range, struct entry *entry)
{
    struct entry found = {0};
    struct step step;
    uint64_t last = 0; /* where the last instruction to be moved begins */
    bool frame;        /* nothing but a frame was made yet */

    if (!is_whole(range) || !step_at(decoder, code, bytes, 0, &step) || !is_straight(&step))
        return false;
    found.at = step.instruction.length;
    frame = is_push_of_saved(&step) || step.instruction.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
    while (found.bytes < JUMP_BYTES) {
        if (last)
            frame = frame && (is_push_of_saved(&step) || is_frame_pointer(&step));
        last = found.at + found.bytes;
        if (!step_at(decoder, code, bytes, last, &step) || !can_move(&step, found.bytes, &found))
            return false;
        found.bytes += step.instruction.length;
    }
    if (found.at + found.bytes > bytes ||
        (last != found.at && !closed && !is_preamble(decoder, code, bytes, last, frame)))
        return false;
    *entry = found;
    return true;
}
