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

/* --- tables that are gone ----------------------------------------------------- */

static int by_resize(const void *left, const void *right)
{
    const struct trace_resize *a = *(const struct trace_resize *const *)left;
    const struct trace_resize *b = *(const struct trace_resize *const *)right;
    int first = order(a->table_id, b->table_id);
    return first ? first : order(a->replaced_ns, b->replaced_ns);
}

static int larger_first(const void *left, const void *right)
{
    const struct table *a = left, *b = right;
    int first = order(b->peak_bytes, a->peak_bytes);
    return first ? first : order(a->table, b->table);
}

static bool is_live(const struct tables *tables, const struct trace *trace, uint64_t id)
{
    size_t low = 0, high = trace->array_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tables->arrays[middle]->table_id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < trace->array_count && tables->arrays[low]->table_id == id;
}

static struct table dead_table(const struct trace_resize *const *resizes, size_t count)
{
    const struct trace_resize *last = resizes[count - 1];
    struct table table = {
        .table = last->table, .holder = last->holder, .rule = last->rule, .stack = last->stack};
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = resizes[i]->new_bytes > resizes[i]->old_bytes ? resizes[i]->new_bytes
                                                                       : resizes[i]->old_bytes;
        if (bytes > table.peak_bytes)
            table.peak_bytes = bytes;
        if (resizes[i]->table_resizes > table.resizes)
            table.resizes = resizes[i]->table_resizes;
    }
    /* Parallel arrays count their resizes apart; what is in the rings is a lower bound, too. */
    if (table.resizes < count)
        table.resizes = count;
    return table;
}

static size_t gather(const struct tables *tables, const struct trace *trace,
                     const struct trace_resize *resizes, size_t count,
                     const struct trace_resize **to)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (resizes[i].table_id && !is_live(tables, trace, resizes[i].table_id) &&
            !(resizes[i].flags & TRACE_RESIZE_INHERITED))
            to[kept++] = &resizes[i];
    return kept;
}

static int add_dead(struct tables *tables, const struct trace *trace, size_t most_dead)
{
    size_t room = trace->open_count + trace->notable.count + trace->recent.count, count = 0;
    const struct trace_resize **resizes = calloc(room + 1, sizeof(*resizes));
    struct table *dead = calloc(room + 1, sizeof(*dead));
    size_t dead_count = 0;
    int outcome = -ENOMEM;
    if (!resizes || !dead)
        goto out;
    count += gather(tables, trace, trace->open, trace->open_count, resizes);
    count += gather(tables, trace, trace->notable.records, trace->notable.count, resizes + count);
    count += gather(tables, trace, trace->recent.records, trace->recent.count, resizes + count);
    qsort(resizes, count, sizeof(*resizes), by_resize);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && resizes[next]->table_id == resizes[first]->table_id;)
            next++;
        dead[dead_count++] = dead_table(resizes + first, next - first);
    }
    qsort(dead, dead_count, sizeof(*dead), larger_first);
    if (dead_count > most_dead) {
        tables->left_out = dead_count - most_dead;
        dead_count = most_dead;
    }
    struct table *items =
        reallocarray(tables->items, tables->count + dead_count + 1, sizeof(*items));
    if (!items)
        goto out;
    tables->items = items;
    memcpy(items + tables->count, dead, dead_count * sizeof(*items));
    tables->count += dead_count;
    outcome = 0;
out:
    free(resizes);
    free(dead);
    return outcome;
}

int tables_make(struct tables *tables, const struct trace *trace, size_t most_dead)
{
    *tables = (struct tables){0};
    int outcome = add_live(tables, trace);
    if (outcome == 0)
        outcome = add_dead(tables, trace, most_dead);
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
