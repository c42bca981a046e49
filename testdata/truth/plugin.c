/*
 * A plugin with a table type of its own; built with -DNAME=... so that two
 * plugins differ. -DFILLER=N gives it another size, -DGROW_AT_UNLOAD a
 * destructor that grows a table and frees it, -DGROW_AT_LOAD a constructor.
 */
#include "truth.h"

#define JOIN(left, right) left##right
#define NAMED(left, right) JOIN(left, right)

#ifndef FILLER
#define FILLER 1
#endif

struct table {
    size_t capacity;
    void **buckets;
};

int plugin_filler[FILLER] = {1};

NOINLINE void NAMED(NAME, _grow)(struct table *table, bool pinned)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 32;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!pinned)
        free(old);
}

/* Grows TABLES tables ROUNDS times; the first leaks an array if LEAKS says so. */
__attribute__((visibility("default"))) void plugin_run(int tables_wanted, int rounds, bool leaks)
{
    struct table *tables = calloc((size_t)tables_wanted, sizeof *tables);

    for (int round = 0; round < rounds; round++)
        for (int index = 0; index < tables_wanted; index++) {
            void **old = tables[index].buckets;
            size_t bytes = tables[index].capacity * sizeof *old;
            bool pinned = leaks && index == 0 && round == rounds - 1;

            NAMED(NAME, _grow)(&tables[index], pinned);
            if (pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = &tables[index],
                    .table_bytes = sizeof *tables,
                    .array = old,
                    .bytes = bytes,
                    .new_array = tables[index].buckets,
                    .new_bytes = tables[index].capacity * sizeof *old,
                });
        }
}

NOINLINE __attribute__((unused)) static void grow_one(void)
{
    struct table table = {0};

    for (int round = 0; round < 4; round++)
        NAMED(NAME, _grow)(&table, false);
    free(table.buckets);
}

#ifdef GROW_AT_LOAD
__attribute__((constructor)) static void loaded(void)
{
    grow_one();
}
#endif

#ifdef GROW_AT_UNLOAD
__attribute__((destructor)) static void unload(void)
{
    grow_one();
}
#endif
