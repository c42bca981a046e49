#include "call_frame.h"

#include <stddef.h>
#include <string.h>

/* Seven bits a byte, lowest first. *SHIFT is how many there were, *LAST the last byte. */
static uint64_t leb(const uint8_t **at, unsigned *shift, uint8_t *last)
{
    uint64_t value = 0;

    *shift = 0;
    do {
        *last = *(*at)++;
        if (*shift < 64)
            value |= (uint64_t)(*last & 0x7f) << *shift;
        *shift += 7;
    } while (*last & 0x80);
    return value;
}

uint64_t call_frame_uleb(const uint8_t **at)
{
    unsigned shift;
    uint8_t last;

    return leb(at, &shift, &last);
}

int64_t call_frame_sleb(const uint8_t **at)
{
    unsigned shift;
    uint8_t last;
    uint64_t value = leb(at, &shift, &last);

    if (shift < 64 && (last & 0x40))
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
        *value = call_frame_uleb(at);
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

static bool parse_cie(const uint8_t *at, struct call_frame_common *cie)
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
    cie->code_factor = call_frame_uleb(&at);
    cie->data_factor = call_frame_sleb(&at);
    uint64_t return_register = version == 1 ? *at++ : call_frame_uleb(&at);
    if (return_register != DWARF_RA)
        return false;
    if (*augmentation == 'z') {
        uint64_t bytes = call_frame_uleb(&at);
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

bool call_frame_find(uintptr_t pc, const void *header, struct call_frame_entry *fde)
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
        uint64_t bytes = call_frame_uleb(&at);

        at += bytes;
    }
    fde->instructions = at;
    return true;
}

static void save(struct call_frame_row *row, uint64_t number, uint8_t where, int64_t offset,
                 const uint8_t *block)
{
    if (number < DWARF_COUNT)
        row->saved[number] = (struct call_frame_saved){where, (int32_t)offset, block};
}

/* Runs call frame instructions up to PC. False on anything that is not understood. */
static bool run(const struct call_frame_entry *fde, const uint8_t *at, const uint8_t *end,
                uintptr_t pc, struct call_frame_row *row, const struct call_frame_row *initial)
{
    struct call_frame_row remembered[4];
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
            save(row, code & 0x3f, WHERE_OFFSET, (int64_t)call_frame_uleb(&at) * data, NULL);
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
            number = call_frame_uleb(&at);
            save(row, number, WHERE_OFFSET, (int64_t)call_frame_uleb(&at) * data, NULL);
            break;
        case 0x06: /* restore_extended */
            number = call_frame_uleb(&at);
            if (number < DWARF_COUNT && initial)
                row->saved[number] = initial->saved[number];
            break;
        case 0x07: /* undefined */
            save(row, call_frame_uleb(&at), WHERE_UNDEFINED, 0, NULL);
            break;
        case 0x08: /* same_value */
            save(row, call_frame_uleb(&at), WHERE_SAME, 0, NULL);
            break;
        case 0x09: /* register */
            number = call_frame_uleb(&at);
            call_frame_uleb(&at);
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
            row->cfa_register = (uint8_t)call_frame_uleb(&at);
            row->cfa_offset = (int32_t)call_frame_uleb(&at);
            row->cfa_block = NULL;
            break;
        case 0x0d: /* def_cfa_register */
            row->cfa_register = (uint8_t)call_frame_uleb(&at);
            row->cfa_block = NULL;
            break;
        case 0x0e: /* def_cfa_offset */
            row->cfa_offset = (int32_t)call_frame_uleb(&at);
            break;
        case 0x0f: /* def_cfa_expression */
            row->cfa_block = at;
            number = call_frame_uleb(&at);
            at += number;
            break;
        case 0x10: /* expression */
            number = call_frame_uleb(&at);
            save(row, number, WHERE_EXPRESSION, 0, at);
            number = call_frame_uleb(&at);
            at += number;
            break;
        case 0x11: /* offset_extended_sf */
            number = call_frame_uleb(&at);
            save(row, number, WHERE_OFFSET, call_frame_sleb(&at) * data, NULL);
            break;
        case 0x12: /* def_cfa_sf */
            row->cfa_register = (uint8_t)call_frame_uleb(&at);
            row->cfa_offset = (int32_t)(call_frame_sleb(&at) * data);
            row->cfa_block = NULL;
            break;
        case 0x13: /* def_cfa_offset_sf */
            row->cfa_offset = (int32_t)(call_frame_sleb(&at) * data);
            break;
        case 0x14: /* val_offset */
            number = call_frame_uleb(&at);
            call_frame_uleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            break;
        case 0x15: /* val_offset_sf */
            number = call_frame_uleb(&at);
            call_frame_sleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            break;
        case 0x16: /* val_expression */
            number = call_frame_uleb(&at);
            save(row, number, WHERE_OTHER, 0, NULL);
            number = call_frame_uleb(&at);
            at += number;
            break;
        case 0x2e: /* GNU_args_size */
            call_frame_uleb(&at);
            break;
        default:
            return false;
        }
    }
    return true;
}

bool call_frame_row_at(uintptr_t pc, const struct call_frame_entry *fde, struct call_frame_row *row)
{
    struct call_frame_row initial;

    memset(row, 0, sizeof *row);
    if (!run(fde, fde->cie.instructions, fde->cie.end, UINTPTR_MAX, row, NULL))
        return false;
    initial = *row;
    return run(fde, fde->instructions, fde->end, pc, row, &initial);
}
