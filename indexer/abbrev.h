/*
 * Abbreviation tables of DWARF, made into the steps that read or skip an entry.
 */
#ifndef MAPTRACE_INDEXER_ABBREV_H
#define MAPTRACE_INDEXER_ABBREV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/cursor.h"

/* What an attribute is to the walk. */
enum attribute_use {
    USE_NONE,
    USE_NAME,
    USE_LINKAGE,
    USE_ORIGIN, /* abstract_origin or specification */
    USE_SIBLING,
    USE_STRING_BASE,
    USE_SPLIT, /* the unit's entries are in another file */
};

struct step {
    uint16_t form; /* 0: skip `bytes` */
    uint8_t use;   /* enum attribute_use */
    uint32_t bytes;
};

struct abbrev {
    uint64_t code;
    uint16_t tag;
    bool children;
    bool code_range; /* has low_pc or ranges */
    uint32_t first_step, steps;
};

struct abbrev_table {
    struct abbrev *abbrevs;
    struct step *steps;
    size_t count, step_count;
    bool dense; /* code n is abbrevs[n - 1] */
};

/* Sizes that differ from unit to unit. */
struct abbrev_format {
    uint8_t version, address_bytes, offset_bytes;
};

/* Reads the table at CURSOR. 0, -ENOMEM, or -EINVAL for a broken one. TABLE is to be freed. */
int abbrev_read(struct abbrev_table *table, struct cursor *cursor,
                const struct abbrev_format *format);
void abbrev_free(struct abbrev_table *table);

/* NULL if there is no such code. */
const struct abbrev *abbrev_find(const struct abbrev_table *table, uint64_t code);

/* Moves past a value of FORM; fails for forms that are not known. */
void abbrev_skip_form(struct cursor *cursor, unsigned form, const struct abbrev_format *format);

#endif
