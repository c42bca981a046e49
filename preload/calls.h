/*
 * How it can be seen that a stretch of code calls, as the indexer found it: by
 * each of its calls, or by its entry. Addresses are those in memory.
 *
 * Caller holds the tracer's lock or is alone.
 */
#ifndef MAPTRACE_PRELOAD_CALLS_H
#define MAPTRACE_PRELOAD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_OPERANDS 4

struct code_calls {
    uintptr_t low, high;
    uint64_t hash;     /* of its bytes in the file */
    uintptr_t *places; /* of all calls: e8 rel32 or ff 15 disp32; or of the entry alone */
    size_t count, room;
    uint32_t entry_bytes; /* whole instructions at the entry, that may be moved; 0: calls */
    uint32_t operands[CALLS_OPERANDS]; /* displacements relative to the code, from the entry */
    uint32_t operand_count;
    bool wanted; /* left to the reader of the list */
};

struct calls {
    struct code_calls *all; /* sorted by low, then by high, as they were added */
    size_t count, room;
    struct code_calls *last; /* NULL: no memory */
};

/* One more stretch of code; what is added next belongs to it. */
void calls_begin(struct calls *calls, uintptr_t low, uintptr_t high, uint64_t hash);
void calls_add(struct calls *calls, uintptr_t place);
void calls_add_entry(struct calls *calls, uintptr_t place, uint32_t bytes);
void calls_add_operand(struct calls *calls, uint32_t offset);

/* What is known of just this stretch; NULL: nothing. */
struct code_calls *calls_find(const struct calls *calls, uintptr_t low, uintptr_t high);

#endif
