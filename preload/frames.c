#include "frames.h"

#include <stddef.h>
#include <string.h>

#include "call_frame.h"
#include "safe_read.h"

static const uint8_t tracked[REGISTER_COUNT] = {DWARF_RBX, DWARF_RBP, DWARF_R12, 13, 14, 15};

static frame_step pack(const struct call_frame_row *row)
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
        const struct call_frame_saved *saved = &row->saved[tracked[i]];

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
    struct call_frame_entry fde;
    struct call_frame_row row;

    if (function)
        *function = (struct frame_function){0, 0};
    if (!call_frame_find(pc, header, &fde))
        return STEP_NONE;
    if (function)
        *function = (struct frame_function){fde.low, fde.high};
    if (fde.cie.signal)
        return STEP_SIGNAL;
    return call_frame_row_at(pc, &fde, &row) ? pack(&row) : STEP_NONE;
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
    uint64_t length = call_frame_uleb(&block);
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
            stack[depth++] = value + (uintptr_t)call_frame_sleb(&block);
        } else if (code >= 0x30 && code <= 0x4f) { /* lit */
            stack[depth++] = code - 0x30;
        } else if (code == 0x08) { /* const1u */
            stack[depth++] = *block++;
        } else if (code == 0x09) { /* const1s */
            stack[depth++] = (uintptr_t)(intptr_t)(int8_t)*block++;
        } else if (code == 0x23) { /* plus_uconst */
            if (!depth)
                return false;
            stack[depth - 1] += call_frame_uleb(&block);
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
    struct call_frame_entry fde;
    struct call_frame_row row;
    struct frame caller = *frame;
    uintptr_t cfa;

    /* pc is a return address: the row of the call itself is the one before it. */
    if (!call_frame_find(frame->pc - 1, header, &fde) ||
        !call_frame_row_at(frame->pc - 1, &fde, &row))
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
        const struct call_frame_saved *saved = &row.saved[tracked[i]];
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
    caller.pc =
        returns_original(*(uintptr_t *)(cfa + (uintptr_t)(intptr_t)row.saved[DWARF_RA].offset));
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
        !safe_read(base, saved, sizeof saved) || !behind_call(returns_original(saved[1])))
        return false;
    frame->registers[REGISTER_RBP] = saved[0];
    frame->pc = returns_original(saved[1]);
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
    frame_step saved = step >> 24;
    for (unsigned i = 0; saved && i < REGISTER_COUNT; i++, saved >>= 6)
        if (saved & 63)
            frame->registers[i] = *(uintptr_t *)(cfa - 8 * (saved & 63));
    frame->pc = returns_original(*(uintptr_t *)(cfa - 8));
    frame->sp = cfa;
    return frame->pc != 0;
}
