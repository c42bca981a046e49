/*
 * Tables whose first arrays no grow function made, in a crowd of arrays that
 * one did: what is released in each grow is still the old array.
 */
#include "truth.h"

enum { CROWD = 40000, TABLES = 2000, FIRST = 8 };

struct table {
    size_t capacity;
    void **buckets;
};

static struct table crowd[CROWD], tables[TABLES];

NOINLINE static void **make(size_t capacity)
{
    void **buckets = malloc(capacity * sizeof *buckets);

    if (!buckets)
        abort();
    return buckets;
}

NOINLINE void adopted_grow(struct table *table, size_t capacity)
{
    void **old = table->buckets, **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    for (size_t index = 0; index < table->capacity; index++)
        buckets[index] = old[index];
    table->buckets = buckets;
    table->capacity = capacity;
    free(old);
}

int main(void)
{
    for (int index = 0; index < CROWD; index++)
        adopted_grow(&crowd[index], 4);
    for (int index = 0; index < TABLES; index++)
        tables[index] = (struct table){FIRST, make(FIRST)};
    for (int index = 0; index < TABLES; index++)
        adopted_grow(&tables[index], (size_t)2 * FIRST);
    truth_totals(CROWD + TABLES, TABLES);
    return 0;
}
