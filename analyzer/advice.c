#include "analyzer/advice.h"

#include <errno.h>
#include <stdlib.h>

enum {
    BYTES_LEAST = 64 << 10, /* less is not worth a line of anybody's code */
    STEPS_LEAST = 3,        /* doublings of one table */
    FEW = 16,               /* less than this part of the array's room is few entries */
};

const char *advice_kind_name(enum advice_kind kind)
{
    return kind == ADVICE_PRESIZE ? "presize" : "few-entries";
}

uint64_t advice_room(const struct trace *trace, const struct trace_array *array)
{
    const struct trace_type *type = trace_type(trace, array->type);
    return type && type->entry_bytes ? array->bytes / type->entry_bytes * type->entries : 0;
}

static int add(struct advices *advices, const struct advice *advice)
{
    struct advice *items = reallocarray(advices->items, advices->count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    advices->items = items;
    items[advices->count++] = *advice;
    return 0;
}

static int add_sites(struct advices *advices, const struct trace *trace)
{
    int outcome = 0;
    for (uint32_t i = 0; i < trace->site_count && outcome == 0; i++) {
        const struct trace_site *site = &trace->sites[i];
        if (site->replaced_bytes >= BYTES_LEAST && site->most_resizes >= STEPS_LEAST &&
            site->resizes > site->same_size && trace_type(trace, site->type))
            outcome = add(advices, &(struct advice){.kind = ADVICE_PRESIZE,
                                                    .trace = trace,
                                                    .site = site,
                                                    .bytes = site->replaced_bytes});
    }
    return outcome;
}

static int add_arrays(struct advices *advices, const struct trace *trace)
{
    int outcome = 0;
    for (size_t i = 0; i < trace->array_count && outcome == 0; i++) {
        const struct trace_array *array = &trace->arrays[i];
        uint64_t room = advice_room(trace, array);
        if (!(array->flags & TRACE_ARRAY_COUNTED) || array->flags & TRACE_ARRAY_OLD ||
            array->bytes < BYTES_LEAST || array->entries >= room / FEW)
            continue;
        double used = (double)array->entries / (double)room;
        outcome =
            add(advices, &(struct advice){.kind = ADVICE_FEW_ENTRIES,
                                          .trace = trace,
                                          .array = array,
                                          .bytes = (uint64_t)((1 - used) * (double)array->bytes)});
    }
    return outcome;
}

static int by_bytes(const void *left, const void *right)
{
    const struct advice *a = left, *b = right;
    return a->bytes > b->bytes ? -1 : a->bytes < b->bytes;
}

int advices_make(struct advices *advices, struct trace *const *traces, size_t trace_count)
{
    int outcome = 0;
    *advices = (struct advices){0};
    for (size_t i = 0; i < trace_count && outcome == 0; i++) {
        outcome = add_sites(advices, traces[i]);
        if (outcome == 0)
            outcome = add_arrays(advices, traces[i]);
    }
    if (outcome)
        advices_free(advices);
    else if (advices->count)
        qsort(advices->items, advices->count, sizeof(advices->items[0]), by_bytes);
    return outcome;
}

void advices_free(struct advices *advices)
{
    free(advices->items);
    *advices = (struct advices){0};
}
