/*
 * A table that grows by a new array twice as large, for programs that are about
 * something else. Its rule is `grow = table_grow`.
 *
 * A program may define TABLE_HALFWAY(): it is called in the middle of each growth,
 * when there is a new array that is not the table's yet.
 */
#ifndef MAPTRACE_TESTDATA_TABLE_H
#define MAPTRACE_TESTDATA_TABLE_H

#include "truth.h"

#ifndef TABLE_HALFWAY
#define TABLE_HALFWAY() ((void)0)
#endif

struct table {
    size_t capacity;
    void **buckets;
};

/* PINNED: the old array stays. */
NOINLINE void table_grow(struct table *table, bool pinned)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    TABLE_HALFWAY();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!pinned)
        free(old);
    USE(table);
}

/* Grows TABLE and keeps the old array: what is true of that from now on. */
static inline struct truth table_leak(struct table *table)
{
    struct table before = *table;

    table_grow(table, true);
    return (struct truth){
        .kind = "leaked",
        .table = table,
        .table_bytes = sizeof *table,
        .array = before.buckets,
        .bytes = before.capacity * sizeof(void *),
        .new_array = table->buckets,
        .new_bytes = table->capacity * sizeof(void *),
    };
}

static inline void table_release(struct table *table)
{
    free(table->buckets);
    *table = (struct table){0};
}

#endif
