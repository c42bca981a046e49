/*
 * The index of one file, as text, and its place in the cache.
 *
 *     maptrace-index 2
 *     file PATH
 *     error TEXT                            instead of all that follows, up to `end`
 *     build-id HEX                          if it has one
 *     note TEXT                             the index may be incomplete, and why
 *     range LOW HIGH RULE ROLE KIND NAME    hexadecimal virtual addresses of the file
 *     calls LOW HIGH HASH ADDRESS...        of ranges that make arrays: all calls in there
 *     entry LOW HIGH HASH AT BYTES OPERAND... or where it begins, if calls are of other forms
 *     unmarked LOW HIGH TEXT                or why neither can be given
 *     end
 *
 * HIGH is exclusive. ROLE is the key of the rule that matched; KIND is symbol
 * (.symtab), dynamic (.dynsym), mini (.gnu_debugdata), debug (a function by
 * DWARF, or by the .symtab of a separate debug file) or inline. NAME, demangled,
 * is the rest of the line. Control characters in texts stand as `?`. Readers
 * skip lines whose first word they do not know. Blocks repeat, file after file;
 * a cached index holds one.
 *
 * HASH is that of rules_hash over the bytes LOW to HIGH. At each ADDRESS stands
 * `e8 rel32` or `ff 15 disp32`, where a call and nothing else begins (but for
 * prefixes without effect); the range holds no other calls. Whoever runs the
 * function comes through AT, where BYTES (5 or more, hexadecimal) make up whole
 * instructions that nobody jumps between and that do the same elsewhere, if the
 * 32-bit displacements at each OPERAND bytes from AT are adjusted.
 */
#ifndef MAPTRACE_INDEXER_REPORT_H
#define MAPTRACE_INDEXER_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "indexer/object.h"
#include "indexer/ranges.h"
#include "indexer/report_header.h"

/* What was found in one file, or `error`: why nothing was. */
struct report {
    const char *path;
    const char *error; /* NULL: none */
    uint8_t build_id[BUILD_ID_BYTES];
    size_t build_id_bytes;
    struct ranges ranges;
    char *notes;       /* lines, or NULL */
    char *calls;       /* lines, or NULL */
    size_t call_lines; /* those of `calls` that are not `unmarked` */
    bool whole;        /* debug information was read: nothing better can turn up later */
};

/* Writes the block for one file: `file` to `end`. */
void report_write(const struct report *report, FILE *out);

/*
 * Keeps REPORT in FOLDER (made if it is not there) for the guest, as
 * BUILDID-HASH.index, or BUILDID-HASH.bare if no debug information was there
 * (some may turn up). Returns 0, also if it is not worth keeping, or -errno.
 */
int report_keep(const struct report *report, const char *folder, uint64_t hash);

#endif
