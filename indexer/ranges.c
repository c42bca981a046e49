#include "indexer/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const range_kind_names[] = {"symbol", "dynamic", "mini", "debug", "inline"};
const char *const range_role_names[] = {"grow", "retire", "beneath", "through", "except", "sign"};

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

void ranges_settle(struct ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count)
        qsort(ranges->all, ranges->count, sizeof *ranges->all, order);
    for (size_t i = 0; i < ranges->count; i++) {
        if (kept && same(&ranges->all[kept - 1], &ranges->all[i]))
            free(ranges->all[i].name);
        else
            ranges->all[kept++] = ranges->all[i];
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
