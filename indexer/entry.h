/*
 * Where a function can be entered through a few instructions of the guest's.
 */
#ifndef MAPTRACE_INDEXER_ENTRY_H
#define MAPTRACE_INDEXER_ENTRY_H

#include <Zydis/Decoder.h>
#include <stdbool.h>
#include <stdint.h>

#include "indexer/ranges.h"

#define ENTRY_OPERANDS 4

/* Offsets and bytes are those of the function's code. */
struct entry {
    uint64_t at;
    unsigned bytes;                    /* whole instructions, that can run elsewhere; 0: no entry */
    unsigned operands[ENTRY_OPERANDS]; /* from `at`: displacements relative to the code */
    unsigned operand_count;
};

/*
 * Looks for the place behind the first instruction of RANGE, whose code is CODE
 * of BYTES and is known to be instructions. The first one stays where it is: a
 * debugger or tracer may put a breakpoint there. CLOSED: no jump leaves RANGE
 * but at the function's end, so none comes back. The caller still has to see that no jump of the
 * function leads between the instructions.
 */
bool entry_find(const ZydisDecoder *decoder, const uint8_t *code, uint64_t bytes, bool closed,
                const struct range *range, struct entry *entry);

#endif
