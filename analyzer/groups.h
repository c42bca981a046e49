/* Findings that are one and the same mistake: same rule, type, kind and stack, in whatever process.
 */
#ifndef MAPTRACE_ANALYZER_GROUPS_H
#define MAPTRACE_ANALYZER_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/report.h"

struct group {
    const struct finding *const *findings; /* most costly first */
    size_t count;
    size_t tables;
    uint64_t bytes; /* of all its old arrays */
    double cost;
};

struct groups {
    struct group *items; /* most costly first */
    size_t count;
    size_t tables; /* of all findings */
    const struct finding **findings;
};

/* Returns 0 or -ENOMEM. */
int groups_make(struct groups *groups, const struct report *report);
void groups_free(struct groups *groups);

#endif
