/*
 * The calls that a grow function makes: where the guest can see that one is
 * under way.
 */
#ifndef MAPTRACE_INDEXER_CALLS_H
#define MAPTRACE_INDEXER_CALLS_H

#include <libelf.h>
#include <stdio.h>

#include "indexer/ranges.h"

/*
 * Writes the `calls`, `entry` and `unmarked` lines of report.h for all of RANGES
 * that can make an allocation an array. RANGES are settled. Returns how many
 * there are of the first two.
 */
size_t calls_write(Elf *elf, const struct ranges *ranges, FILE *out);

#endif
