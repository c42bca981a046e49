/*
 * The index of one file, as text, and its place in the cache.
 *
 *     maptrace-index 1
 *     file PATH
 *     error TEXT                            instead of all that follows, up to `end`
 *     build-id HEX                          if it has one
 *     note TEXT                             the index may be incomplete, and why
 *     range LOW HIGH RULE ROLE KIND NAME    hexadecimal virtual addresses of the file
 *     end
 *
 * HIGH is exclusive. ROLE is the key of the rule that matched; KIND is symbol
 * (.symtab), dynamic (.dynsym), mini (.gnu_debugdata), debug (a function by
 * DWARF, or by the .symtab of a separate debug file) or inline. NAME, demangled,
 * is the rest of the line. Control characters in texts stand as `?`. Readers
 * skip lines whose first word they do not know. Blocks repeat, file after file;
 * a cached index holds one.
 */
#ifndef MAPTRACE_INDEXER_REPORT_H
#define MAPTRACE_INDEXER_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "indexer/object.h"
#include "indexer/ranges.h"

#define REPORT_HEADER "maptrace-index 1\n"

/* What was found in one file, or `error`: why nothing was. */
struct report {
    const char *path;
    const char *error; /* NULL: none */
    uint8_t build_id[BUILD_ID_BYTES];
    size_t build_id_bytes;
    struct ranges ranges;
    char *notes; /* lines, or NULL */
    bool whole;  /* debug information was read: nothing better can turn up later */
};

/* Writes the block for one file: `file` to `end`. */
void report_write(const struct report *report, FILE *out);

/*
 * Keeps REPORT in FOLDER (made if it is not there) as BUILDID-HASH.index, for
 * the guest. Returns 0, also if it is not worth keeping, or -errno.
 */
int report_keep(const struct report *report, const char *folder, uint64_t hash);

#endif
