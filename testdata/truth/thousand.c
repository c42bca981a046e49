/*
 * A thousand tables grown in turn from one call site; a few keep an old array.
 *
 *     thousand LAYOUT ORDER ROUNDS LEAKS
 *
 * LAYOUT: embedded (an array of structs), heap (each table malloced), offset
 * (by value inside a malloced parent), value (the grow function sees the old
 * array only, never the table), inside (the table points 64 bytes into the
 * block). ORDER: turn or random.
 */
#include "truth.h"

enum { TABLES = 1000, HEADER = 64 };

struct table {
    size_t used, capacity;
    void **buckets;
    bool pinned; /* somebody still walks the old array: the next grow keeps it */
};

struct parent {
    char name[40];
    struct table table;
    double load;
};

NOINLINE void thousand_grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 8;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!table->pinned)
        free(old);
}

NOINLINE void **thousand_grow_value(void **old, size_t old_capacity, size_t capacity, bool pinned)
{
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, old_capacity * sizeof *buckets);
    if (!pinned)
        free(old);
    return buckets;
}

NOINLINE void thousand_grow_inside(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 8;
    void **old = table->buckets;
    char *block = malloc(HEADER + capacity * sizeof *old);

    if (!block)
        abort();
    memset(block, 0, HEADER + capacity * sizeof *old);
    table->buckets = (void **)(block + HEADER);
    if (old)
        memcpy(table->buckets, old, table->capacity * sizeof *old);
    table->capacity = capacity;
    if (old && !table->pinned)
        free((char *)old - HEADER);
}

static void grow(struct table *table, const char *layout)
{
    if (strcmp(layout, "value") == 0) {
        size_t capacity = table->capacity ? table->capacity * 2 : 8;

        table->buckets =
            thousand_grow_value(table->buckets, table->capacity, capacity, table->pinned);
        table->capacity = capacity;
    } else if (strcmp(layout, "inside") == 0) {
        thousand_grow_inside(table);
    } else {
        thousand_grow(table);
    }
}

static void make_tables(struct table **tables, const char *layout)
{
    struct table *embedded = calloc(TABLES, sizeof *embedded);

    for (int index = 0; index < TABLES; index++) {
        if (strcmp(layout, "heap") == 0) {
            tables[index] = calloc(1, sizeof *tables[index]);
        } else if (strcmp(layout, "offset") == 0) {
            struct parent *parent = calloc(1, sizeof *parent);
            tables[index] = &parent->table;
        } else {
            tables[index] = &embedded[index];
        }
    }
}

int main(int count, char **arguments)
{
    static struct table *tables[TABLES];
    static int order[TABLES];
    uint32_t random = 20240229;

    if (count != 5)
        return 2;
    const char *layout = arguments[1];
    bool shuffled = strcmp(arguments[2], "random") == 0;
    int rounds = atoi(arguments[3]), leaks = atoi(arguments[4]);
    size_t header = strcmp(layout, "inside") == 0 ? HEADER : 0;

    make_tables(tables, layout);
    for (int round = 0; round < rounds; round++) {
        for (int index = 0; index < TABLES; index++)
            order[index] = index;
        for (int index = TABLES - 1; shuffled && index > 0; index--) {
            int other = (int)(next_random(&random) % (unsigned)(index + 1));
            int kept = order[index];

            order[index] = order[other];
            order[other] = kept;
        }
        for (int index = 0; index < TABLES; index++) {
            struct table *table = tables[order[index]];
            void **old = table->buckets;
            size_t bytes = header + table->capacity * sizeof *old;

            table->pinned = leaks > 0 && round == rounds / 2 && index % (TABLES / leaks) == 7;
            grow(table, layout);
            if (table->pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = table,
                    .table_bytes = sizeof *table,
                    .array = (char *)old - header,
                    .bytes = bytes,
                    .new_array = (char *)table->buckets - header,
                    .new_bytes = header + table->capacity * sizeof *old,
                });
        }
    }
    truth_totals(TABLES, (long)TABLES * (rounds - 1));
    return 0;
}
