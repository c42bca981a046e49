/*
 * Reads call frame information (.eh_frame, DWARF 5 section 6.4): which entry
 * covers a code address, and where the registers are there. Without locks or
 * allocation; trusts the tables of the code that runs. Async-signal-safe.
 */
#ifndef MAPTRACE_PRELOAD_CALL_FRAME_H
#define MAPTRACE_PRELOAD_CALL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* DWARF numbers of the registers that matter on x86-64. */
enum {
    DWARF_RBX = 3,
    DWARF_RBP = 6,
    DWARF_RSP = 7,
    DWARF_R12 = 12,
    DWARF_RA = 16,
    DWARF_COUNT = 17
};

enum call_frame_where { WHERE_SAME, WHERE_OFFSET, WHERE_EXPRESSION, WHERE_UNDEFINED, WHERE_OTHER };

struct call_frame_saved {
    uint8_t where;
    int32_t offset;       /* from the CFA */
    const uint8_t *block; /* expression, with its length in front */
};

struct call_frame_row {
    uint8_t cfa_register;
    int32_t cfa_offset;
    const uint8_t *cfa_block; /* expression instead */
    struct call_frame_saved saved[DWARF_COUNT];
};

struct call_frame_common {
    const uint8_t *instructions, *end;
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t pointer_encoding;
    bool has_augmentation;
    bool signal;
};

struct call_frame_entry {
    struct call_frame_common cie;
    uintptr_t low, high;
    const uint8_t *instructions, *end;
};

/* The entry for PC, by the binary search table of the .eh_frame_hdr at HEADER (NULL: none). */
bool call_frame_find(uintptr_t pc, const void *header, struct call_frame_entry *entry);

/* The row of ENTRY that holds at PC. False if the table says what is not understood. */
bool call_frame_row_at(uintptr_t pc, const struct call_frame_entry *entry,
                       struct call_frame_row *row);

/* The number at *AT, which is moved behind it. */
uint64_t call_frame_uleb(const uint8_t **at);
int64_t call_frame_sleb(const uint8_t **at);

#endif
