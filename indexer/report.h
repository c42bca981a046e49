/* The index of one file, as text, and its place in the cache. */
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
