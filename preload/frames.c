#include "frames.h"

#include <stddef.h>
#include <string.h>

#include "safe_read.h"

/* DWARF numbers of the registers that matter on x86-64. */
enum {
    DWARF_RBX = 3,
    DWARF_RBP = 6,
    DWARF_RSP = 7,
    DWARF_R12 = 12,
    DWARF_RA = 16,
    DWARF_COUNT = 17
};

static const uint8_t tracked[REGISTER_COUNT] = {DWARF_RBX, DWARF_RBP, DWARF_R12, 13, 14, 15};

enum where { WHERE_SAME, WHERE_OFFSET, WHERE_EXPRESSION, WHERE_UNDEFINED, WHERE_OTHER };

struct saved {
    uint8_t where;
    int32_t offset;       /* from the CFA */
    const uint8_t *block; /* expression, with its length in front */
};

struct row {
    uint8_t cfa_register;
    int32_t cfa_offset;
    const uint8_t *cfa_block; /* expression instead */
    struct saved saved[DWARF_COUNT];
};

struct cie {
    const uint8_t *instructions, *end;
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t pointer_encoding;
    bool has_augmentation;
    bool signal;
};

struct fde {
    struct cie cie;
    uintptr_t low, high;
    const uint8_t *instructions, *end;
};

static uint64_t uleb(const uint8_t **at)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static int64_t sleb(const uint8_t **at)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

typedef uint16_t unaligned_uint16_t __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned_uint32_t __attribute__((aligned(1), may_alias));
typedef int32_t unaligned_int32_t __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned_uint64_t __attribute__((aligned(1), may_alias));

#define READ(type, at) (*(const unaligned_##type *)(at))

/* A pointer in one of the encodings that linkers write; DATA is the base of data-relative ones. */
static bool encoded(const uint8_t **at, uint8_t encoding, uintptr_t data, uintptr_t *value)
{
    uintptr_t place = (uintptr_t)*at;

    switch (encoding & 0x0f) {
    case 0x00: /* absolute */
    case 0x04:
    case 0x0c:
        *value = READ(uint64_t, *at);
        *at += 8;
        break;
    case 0x03:
        *value = READ(uint32_t, *at);
        *at += 4;
        break;
    case 0x0b:
        *value = (uintptr_t)(intptr_t)READ(int32_t, *at);
        *at += 4;
        break;
    case 0x01:
        *value = uleb(at);
        break;
    default:
        return false;
    }
    switch (encoding & 0x70) {
    case 0x00:
        return true;
    case 0x10:
        *value += place;
        return true;
    case 0x30:
        *value += data;
        return true;
    default:
        return false;
    }
}

static bool parse_cie(const uint8_t *at, struct cie *cie)
{
    uint32_t length = READ(uint32_t, at);

    if (length == 0xffffffff || length == 0)
        return false;
    memset(cie, 0, sizeof *cie);
    cie->end = at + 4 + length;
    at += 8;
    uint8_t version = *at++;
    if (version != 1 && version != 3)
        return false;
    const char *augmentation = (const char *)at;
    at += strlen(augmentation) + 1;
    cie->code_factor = uleb(&at);
    cie->data_factor = sleb(&at);
    uint64_t return_register = version == 1 ? *at++ : uleb(&at);
    if (return_register != DWARF_RA)
        return false;
    if (*augmentation == 'z') {
        uint64_t bytes = uleb(&at);
        const uint8_t *instructions = at + bytes;

        cie->has_augmentation = true;
        for (const char *letter = augmentation + 1; *letter; letter++) {
            uintptr_t ignored;

            if (*letter == 'R')
                cie->pointer_encoding = *at++;
            else if (*letter == 'L')
                at++;
            else if (*letter == 'S')
                cie->signal = true;
            else if (*letter == 'P') {
                uint8_t encoding = *at++;

                if (!encoded(&at, encoding & 0x0f, 0, &ignored))
                    return false;
            } else if (*letter != 'B') {
                return false;
            }
        }
        at = instructions;
    } else if (*augmentation) {
        return false;
    }
    cie->instructions = at;
    return true;
}

/* .eh_frame_hdr: a table sorted by first address. */
static const uint8_t *search(uintptr_t pc, const uint8_t *header)
{
    if (header[0] != 1 || header[3] != 0x3b)
        return NULL;
    const uint8_t *at = header + 4;
    uintptr_t ignored, count;

    if (!encoded(&at, header[1], (uintptr_t)header, &ignored) ||
        !encoded(&at, header[2], (uintptr_t)header, &count) || count == 0)
        return NULL;
    const int32_t *table = (const int32_t *)at;
    intptr_t key = (intptr_t)(pc - (uintptr_t)header);
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (READ(int32_t, table + 2 * middle) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? header + READ(int32_t, table + 2 * (low - 1) + 1) : NULL;
}

static bool find(uintptr_t pc, const void *header, struct fde *fde)
{
    const uint8_t *at = header ? search(pc, header) : NULL;

    if (!at)
        return false;
    uint32_t length = READ(uint32_t, at);
    if (length == 0 || length == 0xffffffff)
        return false;
    fde->end = at + 4 + length;
    at += 4;
    const uint8_t *cie = at - READ(uint32_t, at);
    if (!parse_cie(cie, &fde->cie))
        return false;
    at += 4;
    uintptr_t size;
    if (!encoded(&at, fde->cie.pointer_encoding, 0, &fde->low) ||
        !encoded(&at, fde->cie.pointer_encoding & 0x0f, 0, &size))
        return false;
    fde->high = fde->low + size;
    if (pc < fde->low || pc >= fde->high)
        return false;
    if (fde->cie.has_augmentation) {
        uint64_t bytes = uleb(&at);

        at += bytes;
    }
    fde->instructions = at;
    return true;
}

static void save(struct row *row, uint64_t number, uint8_t where, int64_t offset,
                 const uint8_t *block)
{
    if (number < DWARF_COUNT)
        row->saved[number] = (struct saved){where, (int32_t)offset, block};
}

/* Runs call frame instructions up to PC. False on anything that is not understood. */
static bool run(const struct fde *fde, const uint8_t *at, const uint8_t *end, uintptr_t pc,
                struct row *row, const struct row *initial)
{
    struct row remembered[4];
    unsigned depth = 0;
    uintptr_t location = fde->low;
    uint64_t number;
    int64_t data = fde->cie.data_factor;

    while (at < end) {
        uint8_t code = *at++;

        switch (code >> 6) {
        case 1: /* advance_loc */
            location += (code & 0x3f) * fde->cie.code_factor;
            if (location > pc)
                return true;
            continue;
        case 2: /* offset */
            save(row, code & 0x3f, WHERE_OFFSET, (int64_t)uleb(&at) * data, NULL);
            continue;
        case 3: /* restore */
            number = code & 0x3f;
            if (number < DWARF_COUNT && initial)
                row->saved[number] = initial->saved[number];
            continue;
        }
        switch (code) {
        case 0x00: /* nop */
            break;
        case 0x01: /* set_loc */
            if (!encoded(&at, fde->cie.pointer_encoding, 0, &location))
                return false;
            if (location > pc)
                return true;
            break;
        case 0x02: /* advance_loc1, 2, 4 */
            location += *at * fde->cie.code_factor;
            at += 1;
            if (location > pc)
                return true;
            break;
        case 0x03:
            location += READ(uint16_t, at) * fde->cie.code_factor;
            at += 2;
            if (location > pc)
                return true;
            break;
        case 0x04:
            location += READ(uint32_t, at) * fde->cie.code_factor;
            at += 4;
            if (location > pc)
                return true;
            break;
        case 0x05: /* offset_extended */
            number = uleb(&at);
            save(row, number, WHERE_OFFSET, (int64_t)uleb(&at) * data, NULL);
            break;
        case 0x06: /* restore_extended */
            number = uleb(&at);
            if (number < DWARF_COUNT && initial)
                row->saved[number] = initial->saved[number];
            break;
        case 0x07: /* undefined */
            save(row, uleb(&at), WHERE_UNDEFINED, 0, NULL);
            break;
        case 0x08: /* same_value */
            save(row, uleb(&at), WHERE_SAME, 0, NULL);
            break;
        case 0x09: /* register */
            number = uleb(&at);
            uleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            break;
        case 0x0a: /* remember_state */
            if (depth == sizeof remembered / sizeof *remembered)
                return false;
            remembered[depth++] = *row;
            break;
        case 0x0b: /* restore_state */
            if (depth == 0)
                return false;
            *row = remembered[--depth];
            break;
        case 0x0c: /* def_cfa */
            row->cfa_register = (uint8_t)uleb(&at);
            row->cfa_offset = (int32_t)uleb(&at);
            row->cfa_block = NULL;
            break;
        case 0x0d: /* def_cfa_register */
            row->cfa_register = (uint8_t)uleb(&at);
            row->cfa_block = NULL;
            break;
        case 0x0e: /* def_cfa_offset */
            row->cfa_offset = (int32_t)uleb(&at);
            break;
        case 0x0f: /* def_cfa_expression */
            row->cfa_block = at;
            number = uleb(&at);
            at += number;
            break;
        case 0x10: /* expression */
            number = uleb(&at);
            save(row, number, WHERE_EXPRESSION, 0, at);
            number = uleb(&at);
            at += number;
            break;
        case 0x11: /* offset_extended_sf */
            number = uleb(&at);
            save(row, number, WHERE_OFFSET, sleb(&at) * data, NULL);
            break;
        case 0x12: /* def_cfa_sf */
            row->cfa_register = (uint8_t)uleb(&at);
            row->cfa_offset = (int32_t)(sleb(&at) * data);
            row->cfa_block = NULL;
            break;
        case 0x13: /* def_cfa_offset_sf */
            row->cfa_offset = (int32_t)(sleb(&at) * data);
            break;
        case 0x14: /* val_offset */
            number = uleb(&at);
            uleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            break;
        case 0x15: /* val_offset_sf */
            number = uleb(&at);
            sleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            break;
        case 0x16: /* val_expression */
            number = uleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            number = uleb(&at);
            at += number;
            break;
        case 0x2e: /* GNU_args_size */
            uleb(&at);
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool row_at(uintptr_t pc, const struct fde *fde, struct row *row)
{
    struct row initial;

    memset(row, 0, sizeof *row);
    if (!run(fde, fde->cie.instructions, fde->cie.end, UINTPTR_MAX, row, NULL))
        return false;
    initial = *row;
    return run(fde, fde->instructions, fde->end, pc, row, &initial);
}

static frame_step pack(const struct row *row)
{
    frame_step step;

    if (row->saved[DWARF_RA].where == WHERE_UNDEFINED)
        return STEP_END;
    if (row->cfa_block || row->saved[DWARF_RA].where != WHERE_OFFSET ||
        row->saved[DWARF_RA].offset != -8 || row->cfa_offset < 0 || row->cfa_offset % 8)
        return STEP_COMPLEX;
    if (row->cfa_register == DWARF_RSP)
        step = STEP_STACK;
    else if (row->cfa_register == DWARF_RBP)
        step = STEP_FRAME;
    else
        return STEP_COMPLEX;
    if (row->cfa_offset / 8 >= 1 << 20)
        return STEP_COMPLEX;
    step |= (frame_step)(row->cfa_offset / 8) << 4;
    for (unsigned i = 0; i < REGISTER_COUNT; i++) {
        const struct saved *saved = &row->saved[tracked[i]];

        if (saved->where == WHERE_SAME)
            continue;
        if (saved->where != WHERE_OFFSET || saved->offset >= 0 || saved->offset % 8 ||
            -saved->offset / 8 > 63)
            return STEP_COMPLEX;
        step |= (frame_step)(-saved->offset / 8) << (24 + 6 * i);
    }
    return step;
}

frame_step frame_describe(uintptr_t pc, const void *header, struct frame_function *function)
{
    struct fde fde;
    struct row row;

    if (function)
        *function = (struct frame_function){0, 0};
    if (!find(pc, header, &fde))
        return STEP_NONE;
    if (function)
        *function = (struct frame_function){fde.low, fde.high};
    if (fde.cie.signal)
        return STEP_SIGNAL;
    return row_at(pc, &fde, &row) ? pack(&row) : STEP_NONE;
}

static bool dwarf_register(const struct frame *frame, unsigned number, uintptr_t *value)
{
    if (number == DWARF_RSP) {
        *value = frame->sp;
        return true;
    }
    if (number == DWARF_RA) {
        *value = frame->pc;
        return true;
    }
    for (unsigned i = 0; i < REGISTER_COUNT; i++)
        if (tracked[i] == number) {
            *value = frame->registers[i];
            return true;
        }
    return false;
}

/* The few operations that compilers use to describe realigned stacks. */
static bool evaluate(const uint8_t *block, const struct frame *frame, bool with_cfa, uintptr_t cfa,
                     uintptr_t *result)
{
    uintptr_t stack[8];
    unsigned depth = 0;
    uint64_t length = uleb(&block);
    const uint8_t *end = block + length;

    if (with_cfa)
        stack[depth++] = cfa;
    while (block < end) {
        uint8_t code = *block++;
        uintptr_t value;

        if (depth >= 7)
            return false;
        if (code >= 0x70 && code <= 0x8f) { /* breg */
            if (!dwarf_register(frame, code - 0x70, &value))
                return false;
            stack[depth++] = value + (uintptr_t)sleb(&block);
        } else if (code >= 0x30 && code <= 0x4f) { /* lit */
            stack[depth++] = code - 0x30;
        } else if (code == 0x08) { /* const1u */
            stack[depth++] = *block++;
        } else if (code == 0x09) { /* const1s */
            stack[depth++] = (uintptr_t)(intptr_t)(int8_t)*block++;
        } else if (code == 0x23) { /* plus_uconst */
            if (!depth)
                return false;
            stack[depth - 1] += uleb(&block);
        } else if (code == 0x06) { /* deref: only within the live stack */
            if (!depth || stack[depth - 1] % 8 || stack[depth - 1] < frame->sp - 128 ||
                stack[depth - 1] - frame->sp > LARGEST_FRAME)
                return false;
            stack[depth - 1] = *(uintptr_t *)stack[depth - 1];
        } else if (code == 0x22 || code == 0x1c || code == 0x1a) { /* plus, minus, and */
            if (depth < 2)
                return false;
            depth--;
            if (code == 0x22)
                stack[depth - 1] += stack[depth];
            else if (code == 0x1c)
                stack[depth - 1] -= stack[depth];
            else
                stack[depth - 1] &= stack[depth];
        } else {
            return false;
        }
    }
    if (!depth)
        return false;
    *result = stack[depth - 1];
    return true;
}

static bool plausible(uintptr_t cfa, uintptr_t sp)
{
    return cfa > sp && cfa % 8 == 0 && cfa - sp <= LARGEST_FRAME;
}

static bool leave_complex(struct frame *frame, const void *header)
{
    struct fde fde;
    struct row row;
    struct frame caller = *frame;
    uintptr_t cfa;

    /* pc is a return address: the row of the call itself is the one before it. */
    if (!find(frame->pc - 1, header, &fde) || !row_at(frame->pc - 1, &fde, &row))
        return false;
    if (row.cfa_block) {
        if (!evaluate(row.cfa_block, frame, false, 0, &cfa))
            return false;
    } else if (dwarf_register(frame, row.cfa_register, &cfa)) {
        cfa += (uintptr_t)(intptr_t)row.cfa_offset;
    } else {
        return false;
    }
    if (!plausible(cfa, frame->sp) || row.saved[DWARF_RA].where != WHERE_OFFSET)
        return false;
    for (unsigned i = 0; i < REGISTER_COUNT; i++) {
        const struct saved *saved = &row.saved[tracked[i]];
        uintptr_t address = cfa + (uintptr_t)(intptr_t)saved->offset;

        if (saved->where == WHERE_SAME)
            continue;
        if (saved->where == WHERE_EXPRESSION && !evaluate(saved->block, frame, true, cfa, &address))
            return false;
        if ((saved->where != WHERE_OFFSET && saved->where != WHERE_EXPRESSION) || address % 8 ||
            address < frame->sp || address >= cfa + LARGEST_FRAME)
            return false;
        caller.registers[i] = *(uintptr_t *)address;
    }
    caller.pc = *(uintptr_t *)(cfa + (uintptr_t)(intptr_t)row.saved[DWARF_RA].offset);
    caller.sp = cfa;
    *frame = caller;
    return caller.pc != 0;
}

/* The instruction before ADDRESS is a call: e8 with 4 bytes, or ff /2 of any length. */
static bool behind_call(uintptr_t address)
{
    uint8_t code[7];

    if (address < sizeof code || !safe_read(address - sizeof code, code, sizeof code))
        return false;
    if (code[2] == 0xe8)
        return true;
    for (unsigned at = 0; at < 6; at++)
        if (code[at] == 0xff && (code[at + 1] >> 3 & 7) == 2)
            return true;
    return false;
}

/*
 * Unoptimised code without unwind tables begins with `push %rbp; mov %rsp,%rbp`.
 * Other code may keep anything in rbp, so nothing is believed unseen.
 */
static bool leave_by_pointer(struct frame *frame)
{
    uintptr_t base = frame->registers[REGISTER_RBP], saved[2];

    if (base < frame->sp || base % 16 || base - frame->sp > LARGEST_FRAME ||
        !safe_read(base, saved, sizeof saved) || !behind_call(saved[1]))
        return false;
    frame->registers[REGISTER_RBP] = saved[0];
    frame->pc = saved[1];
    frame->sp = base + sizeof saved;
    return true;
}

bool frame_leave(struct frame *frame, frame_step step, const void *header)
{
    uintptr_t base;

    switch (step_kind(step)) {
    case STEP_STACK:
        base = frame->sp;
        break;
    case STEP_FRAME:
        base = frame->registers[REGISTER_RBP];
        break;
    case STEP_COMPLEX:
        return leave_complex(frame, header);
    case STEP_POINTER:
        return leave_by_pointer(frame);
    default:
        return false;
    }
    uintptr_t cfa = base + (step >> 4 & 0xfffff) * 8;
    if (!plausible(cfa, frame->sp))
        return false;
    for (unsigned i = 0; i < REGISTER_COUNT; i++) {
        unsigned words = step >> (24 + 6 * i) & 63;

        if (words)
            frame->registers[i] = *(uintptr_t *)(cfa - 8 * words);
    }
    frame->pc = *(uintptr_t *)(cfa - 8);
    frame->sp = cfa;
    return frame->pc != 0;
}
