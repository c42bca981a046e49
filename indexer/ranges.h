/*
 * The code that rules match in one file, as ranges of its virtual addresses.
 */
#ifndef MAPTRACE_INDEXER_RANGES_H
#define MAPTRACE_INDEXER_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "rules/rule.h"

/* Where a range was found. If several say the same, the first of these is kept. */
enum range_kind { RANGE_SYMBOL, RANGE_DYNAMIC, RANGE_MINI, RANGE_DEBUG, RANGE_INLINE };

struct range {
    uint64_t low, high; /* high is exclusive */
    const struct rule *rule;
    enum rule_role role;
    enum range_kind kind;
    char *name; /* mangled or plain; owned */
};

struct ranges {
    struct range *all;
    size_t count, room;
};

extern const char *const range_kind_names[];
extern const char *const range_role_names[];

/* Copies RANGE and its name. Empty ranges are dropped. 0 or -ENOMEM. */
int ranges_add(struct ranges *ranges, const struct range *range);

/*
 * Sorts by address, drops all but one of equal ranges of one rule and role, and
 * joins pieces of inlined copies that touch.
 */
void ranges_settle(struct ranges *ranges);

void ranges_free(struct ranges *ranges);

#endif
