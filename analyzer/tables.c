#include "analyzer/tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_table(const void *left, const void *right)
{
    const struct trace_array *a = *(const struct trace_array *const *)left;
    const struct trace_array *b = *(const struct trace_array *const *)right;
    int first = order(a->table_id, b->table_id);
    int second = first ? first : order(a->born_ns, b->born_ns);
    return second ? second : order(a->address, b->address);
}

/* ARRAYS of one table, oldest first. */
static struct table live_table(const struct trace_array *const *arrays, size_t count)
{
    struct table table = {.arrays = arrays, .array_count = count, .rule = arrays[0]->rule};
    uint64_t replaced_resizes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct trace_array *array = arrays[i];
        table.bytes += array->bytes;
        table.stack = array->stack ? array->stack : table.stack;
        table.table = array->table ? array->table : table.table;
        if (array->flags & TRACE_ARRAY_OLD) {
            /* Its successor carries the count on. */
            if (array->table_resizes > replaced_resizes)
                replaced_resizes = array->table_resizes;
            continue;
        }
        table.holder = array->holder ? array->holder : table.holder;
        table.type = array->type;
        table.counted = array->flags & TRACE_ARRAY_COUNTED;
        table.entries = array->entries;
        table.resizes += array->table_resizes;
        table.peak_bytes += array->table_peak_bytes;
    }
    if (table.resizes == 0)
        table.resizes = replaced_resizes;
    if (table.peak_bytes < table.bytes)
        table.peak_bytes = table.bytes;
    return table;
}

/* What a fork left in the child is the parent's, until the child adds to it. */
static bool all_inherited(const struct trace_array *const *arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(arrays[i]->flags & TRACE_ARRAY_INHERITED))
            return false;
    return true;
}

static int add_live(struct tables *tables, const struct trace *trace)
{
    size_t count = trace->array_count;
    tables->arrays = calloc(count + 1, sizeof(*tables->arrays));
    tables->items = calloc(count + 1, sizeof(*tables->items));
    if (!tables->arrays || !tables->items)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        tables->arrays[i] = &trace->arrays[i];
    qsort(tables->arrays, count, sizeof(*tables->arrays), by_table);
    for (size_t first = 0, next; first < count; first = next) {
        uint64_t id = tables->arrays[first]->table_id;
        for (next = first + 1; next < count && id && tables->arrays[next]->table_id == id;)
            next++;
        if (!all_inherited(tables->arrays + first, next - first))
            tables->items[tables->count++] = live_table(tables->arrays + first, next - first);
    }
    return 0;
}

static int add_past(struct tables *tables, const struct past_tables *past)
{
    const struct past_table *gone;
    size_t count;
    int outcome = past_tables_result(past, &gone, &count, &tables->left_out);
    if (outcome)
        return outcome;
    struct table *items = reallocarray(tables->items, tables->count + count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    tables->items = items;
    for (size_t i = 0; i < count; i++) {
        /* Parallel arrays count their resizes apart; what was seen is a lower bound, too. */
        uint64_t resizes = gone[i].most_resizes > gone[i].seen_resizes ? gone[i].most_resizes
                                                                       : gone[i].seen_resizes;
        items[tables->count++] = (struct table){.table = gone[i].table,
                                                .holder = gone[i].holder,
                                                .rule = gone[i].rule,
                                                .stack = gone[i].stack,
                                                .resizes = resizes,
                                                .peak_bytes = gone[i].peak_bytes};
    }
    return 0;
}

int tables_make(struct tables *tables, const struct trace *trace, const struct past_tables *past)
{
    *tables = (struct tables){0};
    int outcome = add_live(tables, trace);
    if (outcome == 0)
        outcome = add_past(tables, past);
    if (outcome)
        tables_free(tables);
    return outcome;
}

void tables_free(struct tables *tables)
{
    free(tables->items);
    free(tables->arrays);
    *tables = (struct tables){0};
}
