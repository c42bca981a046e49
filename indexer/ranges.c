#include "indexer/ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const range_kind_names[] = {"symbol", "dynamic", "mini", "debug", "inline"};
const char *const range_role_names[] = {"grow",   "retire", "beneath", "through",
                                        "except", "sign",   "callee"};

int ranges_add(struct ranges *ranges, const struct range *range)
{
    if (range->low >= range->high)
        return 0;
    if (ranges->count == ranges->room) {
        size_t room = ranges->room ? ranges->room * 2 : 64;
        struct range *all = reallocarray(ranges->all, room, sizeof *all);
        if (!all)
            return -ENOMEM;
        ranges->all = all;
        ranges->room = room;
    }
    struct range *copy = &ranges->all[ranges->count];
    *copy = *range;
    copy->name = strdup(range->name);
    if (!copy->name)
        return -ENOMEM;
    ranges->count++;
    return 0;
}

static int order(const void *left, const void *right)
{
    const struct range *a = left, *b = right;

    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    if (a->rule->index != b->rule->index)
        return a->rule->index < b->rule->index ? -1 : 1;
    if (a->role != b->role)
        return a->role < b->role ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int same(const struct range *a, const struct range *b)
{
    return a->low == b->low && a->high == b->high && a->rule == b->rule && a->role == b->role;
}

/* Compilers cut one inlined copy into ranges that touch. */
static bool continues(const struct range *before, const struct range *range)
{
    return range->kind == RANGE_INLINE && before->kind == RANGE_INLINE &&
           before->high == range->low && before->rule == range->rule &&
           before->role == range->role && strcmp(before->name, range->name) == 0;
}

void ranges_settle(struct ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count)
        qsort(ranges->all, ranges->count, sizeof *ranges->all, order);
    for (size_t i = 0; i < ranges->count; i++) {
        struct range *last = kept ? &ranges->all[kept - 1] : NULL, *range = &ranges->all[i];
        if (last && continues(last, range))
            last->high = range->high;
        else if (!last || !same(last, range)) {
            ranges->all[kept++] = *range;
            continue;
        }
        free(range->name);
    }
    ranges->count = kept;
}

void ranges_free(struct ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        free(ranges->all[i].name);
    free(ranges->all);
    *ranges = (struct ranges){0};
}
