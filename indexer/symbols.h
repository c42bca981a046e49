/* Symbol tables held against the rules. */
#ifndef MAPTRACE_INDEXER_SYMBOLS_H
#define MAPTRACE_INDEXER_SYMBOLS_H

#include <libelf.h>
#include <stdint.h>

#include "indexer/ranges.h"

/*
 * Adds the defined functions of ELF's tables of TYPE (SHT_SYMTAB, SHT_DYNSYM)
 * that a rule matches, and the data objects that match a `sign`. 0 or -ENOMEM.
 */
int symbols_read(Elf *elf, uint32_t type, enum range_kind kind, const struct rule_matcher *matcher,
                 struct ranges *ranges);

#endif
