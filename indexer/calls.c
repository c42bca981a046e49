#include "indexer/calls.h"

#include <Zydis/Decoder.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/entry.h"
#include "indexer/object.h"

/* A grow function of more bytes than this is none. */
#define SWEEP_MOST ((uint64_t)1 << 20)

struct sweep {
    Elf *elf;
    ZydisDecoder decoder;
    const uint8_t *code;
    uint64_t low, high;
    uint64_t *calls; /* addresses of their opcodes */
    size_t count;
    const char *odd; /* why a call cannot be redirected; NULL: all can */
    bool closed;     /* no jump leads out of there but at the function's end */
    uint8_t *starts; /* for each byte of code: 1 where an instruction begins */
    struct entry entry;
};

static const uint8_t *code_of(Elf *elf, uint64_t low, uint64_t high)
{
    size_t count = 0;
    GElf_Phdr segment;

    if (elf_getphdrnum(elf, &count) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            segment.p_flags & PF_X && low >= segment.p_vaddr && low < high &&
            high - segment.p_vaddr <= segment.p_filesz) {
            Elf_Data *data = elf_getdata_rawchunk(
                elf, (int64_t)(segment.p_offset + low - segment.p_vaddr), high - low, ELF_T_BYTE);
            return data && data->d_size == high - low ? data->d_buf : NULL;
        }
    return NULL;
}

static bool decode(const struct sweep *sweep, uint64_t at, ZydisDecodedInstruction *instruction)
{
    return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&sweep->decoder, NULL, sweep->code + at,
                                                      sweep->high - sweep->low - at, instruction));
}

/* Calls of exactly two forms can be redirected: e8 rel32, and ff 15 disp32 (`call *slot(%rip)`). */
static void add_call(struct sweep *sweep, uint64_t at, const ZydisDecodedInstruction *instruction)
{
    uint64_t end = sweep->low + at + instruction->length;
    bool direct = instruction->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
                  instruction->opcode == 0xe8 && instruction->raw.imm[0].size == 32;
    bool slot = instruction->length == 6 && sweep->code[at] == 0xff && sweep->code[at + 1] == 0x15;

    if (!direct && !slot) {
        sweep->odd = "a call by a register or through memory";
        return;
    }
    if (direct) {
        uint64_t target = end + (uint64_t)instruction->raw.imm[0].value.s;
        if (!object_is_code(sweep->elf, target, target + 1))
            sweep->odd = "a call to what is no code";
    }
    sweep->calls[sweep->count++] = end - (direct ? 5 : 6);
}

static bool is_jump(const ZydisDecodedInstruction *instruction)
{
    return instruction->meta.category == ZYDIS_CATEGORY_COND_BR ||
           instruction->meta.category == ZYDIS_CATEGORY_UNCOND_BR;
}

/* Where the jump at AT leads, from the beginning; far beyond the end if that is not known. */
static uint64_t jump_target(uint64_t at, const ZydisDecodedInstruction *instruction)
{
    return instruction->raw.imm[0].is_relative
               ? at + instruction->length + (uint64_t)instruction->raw.imm[0].value.s
               : UINT64_MAX;
}

/* Code that is swept wrongly does not jump to where an instruction was found to begin. */
static const char *check_jumps(const struct sweep *sweep)
{
    ZydisDecodedInstruction instruction;
    uint64_t bytes = sweep->high - sweep->low;

    for (uint64_t at = 0; at < bytes; at += instruction.length) {
        decode(sweep, at, &instruction);
        if (!is_jump(&instruction))
            continue;
        uint64_t target = jump_target(at, &instruction);
        if (target < bytes && !sweep->starts[target])
            return "a jump into the middle of an instruction";
        if (target > sweep->entry.at && target < sweep->entry.at + sweep->entry.bytes)
            return "a jump to its beginning";
    }
    return NULL;
}

/* NULL, or why this range cannot be told apart into instructions. */
static const char *find_calls(struct sweep *sweep)
{
    ZydisDecodedInstruction instruction;
    uint64_t bytes = sweep->high - sweep->low;
    bool popped = false;

    for (uint64_t at = 0; at < bytes; at += instruction.length) {
        if (!decode(sweep, at, &instruction))
            return "code that is not understood";
        sweep->starts[at] = 1;
        /* Behind a pop the frame is gone: that is the function's end. */
        if (is_jump(&instruction) && jump_target(at, &instruction) >= bytes && !popped)
            sweep->closed = false;
        popped = instruction.mnemonic == ZYDIS_MNEMONIC_POP;
        if (instruction.meta.category == ZYDIS_CATEGORY_CALL)
            add_call(sweep, at, &instruction);
    }
    return NULL;
}

static const char *examine(struct sweep *sweep, const struct range *range)
{
    sweep->count = 0;
    sweep->odd = NULL;
    sweep->closed = true;
    sweep->entry = (struct entry){0};
    const char *problem = find_calls(sweep);
    if (!problem && sweep->odd &&
        !entry_find(&sweep->decoder, sweep->code, sweep->high - sweep->low, sweep->closed, range,
                    &sweep->entry))
        problem = sweep->odd;
    return problem ? problem : check_jumps(sweep);
}

static void write_sweep(const struct sweep *sweep, FILE *out)
{
    const struct entry *entry = &sweep->entry;

    fprintf(out, "%s %" PRIx64 " %" PRIx64 " %016" PRIx64, entry->bytes ? "entry" : "calls",
            sweep->low, sweep->high,
            rules_hash(RULES_HASH_SEED, (const char *)sweep->code, sweep->high - sweep->low));
    if (entry->bytes) {
        fprintf(out, " %" PRIx64 " %x", sweep->low + entry->at, entry->bytes);
        for (unsigned i = 0; i < entry->operand_count; i++)
            fprintf(out, " %x", entry->operands[i]);
    } else {
        for (size_t i = 0; i < sweep->count; i++)
            fprintf(out, " %" PRIx64, sweep->calls[i]);
    }
    fputc('\n', out);
}

static bool write_range(struct sweep *sweep, const struct range *range, FILE *out)
{
    uint64_t bytes = range->high - range->low;
    const char *problem = "no code";

    sweep->low = range->low;
    sweep->high = range->high;
    sweep->code = bytes <= SWEEP_MOST ? code_of(sweep->elf, sweep->low, sweep->high) : NULL;
    sweep->calls = sweep->code ? malloc((bytes / 5 + 1) * sizeof *sweep->calls) : NULL;
    sweep->starts = sweep->code ? calloc(bytes, 1) : NULL;
    if (sweep->code)
        problem = sweep->calls && sweep->starts ? examine(sweep, range) : "no memory";
    if (problem)
        fprintf(out, "unmarked %" PRIx64 " %" PRIx64 " %s\n", sweep->low, sweep->high, problem);
    else
        write_sweep(sweep, out);
    free(sweep->calls);
    free(sweep->starts);
    return !problem;
}

size_t calls_write(Elf *elf, const struct ranges *ranges, FILE *out)
{
    struct sweep sweep = {.elf = elf};
    size_t count = 0;

    ZydisDecoderInit(&sweep.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (size_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->all[i];

        /* Equal ranges, of several rules or roles, stand together. */
        if (!rules_makes_arrays(range->role) ||
            (range->low == sweep.low && range->high == sweep.high))
            continue;
        count += write_range(&sweep, range, out);
    }
    return count;
}
