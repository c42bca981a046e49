/*
 * What ranks a table, the size of its largest array, only grows as its resizes
 * are seen. So a table that is not among the MOST largest of those seen so far
 * may be forgotten: if it becomes one of them, it comes back by the resize that
 * makes it so. What it lost meanwhile is made good in a second pass, which looks
 * at the chosen tables alone.
 */
#include "analyzer/past_tables.h"

#include <errno.h>
#include <stdlib.h>

#include "analyzer/number_set.h"

#define LEAST_ROOM 256u
#define MOST_ROOM 16384u /* tables that are held before the smaller ones are forgotten */

struct past_tables {
    size_t most;
    struct past_table *items;
    size_t count, room;
    uint32_t *index; /* by id: 1 + where in items, 0 is free; four places an item */
    struct number_set live, ids;
    size_t id_count;         /* of ids */
    struct past_table floor; /* once some were forgotten: none below it can be among the largest */
    bool forgot, chosen, failed;
};

struct past_tables *past_tables_new(size_t most)
{
    struct past_tables *past = calloc(1, sizeof(*past));
    if (past)
        past->most = most < MOST_ROOM / 2 ? most : MOST_ROOM / 2;
    return past;
}

static void clear(struct past_tables *past)
{
    free(past->items);
    free(past->index);
    number_set_free(&past->live);
    number_set_free(&past->ids);
    *past = (struct past_tables){.most = past->most};
}

void past_tables_free(struct past_tables *past)
{
    if (past)
        clear(past);
    free(past);
}

/* --- the index ------------------------------------------------------------------ */

static size_t places(const struct past_tables *past)
{
    return past->room * 4;
}

/* Where in the index ID stands, or would. */
static uint32_t *place(const struct past_tables *past, uint64_t id)
{
    size_t at = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (places(past) - 1);
    while (past->index[at] && past->items[past->index[at] - 1].id != id)
        at = (at + 1) & (places(past) - 1);
    return &past->index[at];
}

static int make_index(struct past_tables *past)
{
    uint32_t *index = calloc(places(past), sizeof(*index));
    if (!index)
        return -ENOMEM;
    free(past->index);
    past->index = index;
    for (size_t i = 0; i < past->count; i++)
        *place(past, past->items[i].id) = (uint32_t)i + 1;
    return 0;
}

/* --- ranks ------------------------------------------------------------------------ */

static int by_rank(const void *left, const void *right)
{
    const struct past_table *a = left, *b = right;
    if (a->peak_bytes != b->peak_bytes)
        return a->peak_bytes > b->peak_bytes ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void forget_smaller(struct past_tables *past)
{
    if (past->count <= past->most)
        return;
    qsort(past->items, past->count, sizeof(past->items[0]), by_rank);
    past->floor = past->items[past->most];
    past->count = past->most;
    past->forgot = true;
}

static int make_room(struct past_tables *past)
{
    if (past->room == MOST_ROOM) {
        forget_smaller(past);
        return make_index(past);
    }
    size_t room = past->room ? past->room * 2 : LEAST_ROOM;
    struct past_table *items = reallocarray(past->items, room, sizeof(*items));
    if (!items)
        return -ENOMEM;
    past->items = items;
    past->room = room;
    return make_index(past);
}

/* --- passes ------------------------------------------------------------------------- */

/* The table ID, new or known, with an array of PEAK_BYTES; NULL if it is not kept. */
static struct past_table *table_of(struct past_tables *past, uint64_t id, uint64_t peak_bytes)
{
    int added = past->chosen ? 0 : number_set_add(&past->ids, id);
    past->failed |= added < 0;
    past->id_count += added > 0;
    uint32_t found = past->room ? *place(past, id) : 0;
    if (found)
        return &past->items[found - 1];
    struct past_table table = {.id = id, .peak_bytes = peak_bytes, .partly = added == 0};
    if (past->chosen || (past->forgot && by_rank(&table, &past->floor) > 0))
        return NULL;
    if (past->count == past->room && make_room(past) != 0) {
        past->failed = true;
        return NULL;
    }
    past->items[past->count] = table;
    *place(past, table.id) = (uint32_t)past->count + 1;
    return &past->items[past->count++];
}

void past_tables_add(struct past_tables *past, const struct trace_resize *resize)
{
    uint64_t bytes = resize->new_bytes > resize->old_bytes ? resize->new_bytes : resize->old_bytes;
    if (past->most == 0 || past->failed || resize->table_id == 0 ||
        (resize->flags & TRACE_RESIZE_INHERITED) || number_set_has(&past->live, resize->table_id))
        return;
    struct past_table *table = table_of(past, resize->table_id, bytes);
    if (!table)
        return;
    if (bytes > table->peak_bytes)
        table->peak_bytes = bytes;
    if (resize->table_resizes > table->most_resizes)
        table->most_resizes = resize->table_resizes;
    /* Of two at once the one in a ring, which has a number: it is over. */
    if (table->seen_resizes++ == 0 || resize->replaced_ns > table->last_ns ||
        (resize->replaced_ns == table->last_ns && resize->number)) {
        table->last_ns = resize->replaced_ns;
        table->table = resize->table;
        table->holder = resize->holder;
        table->rule = resize->rule;
        table->stack = resize->stack;
    }
}

/* Leaves the largest. True if something of one of them was forgotten. */
static bool choose(struct past_tables *past)
{
    bool partly = false;
    forget_smaller(past);
    for (size_t i = 0; i < past->count; i++)
        partly |= past->items[i].partly;
    return partly;
}

/* Leaves what identifies and ranks them, for a pass that looks at them alone. */
static void begin_again(struct past_tables *past)
{
    for (size_t i = 0; i < past->count; i++)
        past->items[i] =
            (struct past_table){.id = past->items[i].id, .peak_bytes = past->items[i].peak_bytes};
    past->failed |= make_index(past) != 0;
    past->chosen = true;
}

static int larger_first(const void *left, const void *right)
{
    const struct past_table *a = left, *b = right;
    if (a->peak_bytes != b->peak_bytes)
        return a->peak_bytes > b->peak_bytes ? -1 : 1;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Puts the largest in order; all that was needed to find them goes. */
static void finish(struct past_tables *past)
{
    if (past->count)
        qsort(past->items, past->count, sizeof(past->items[0]), larger_first);
    if (past->count > past->most)
        past->count = past->most;
    struct past_table *items = reallocarray(past->items, past->count + 1, sizeof(*items));
    if (items)
        past->items = items;
    past->room = 0;
    free(past->index);
    past->index = NULL;
    number_set_free(&past->live);
    number_set_free(&past->ids);
}

bool past_tables_pass(struct past_tables *past, const struct trace *trace, unsigned number)
{
    if (number == 0) {
        clear(past);
        if (past->most == 0)
            return true;
        for (size_t i = 0; i < trace->array_count && !past->failed; i++)
            past->failed |= number_set_add(&past->live, trace->arrays[i].table_id) < 0;
        return true;
    }
    for (size_t i = 0; i < trace->open_count; i++)
        past_tables_add(past, &trace->open[i]);
    bool more = past->forgot && !past->chosen && !past->failed && choose(past);
    if (more)
        begin_again(past);
    else
        finish(past);
    return more;
}

int past_tables_result(const struct past_tables *past, const struct past_table **tables,
                       size_t *count, size_t *left_out)
{
    *tables = past->items;
    *count = past->count;
    *left_out = past->id_count - past->count;
    return past->failed ? -ENOMEM : 0;
}
