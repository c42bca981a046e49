/*
 * small_tables heap|stack TABLES
 *
 * Makes and drops as many tables, each of which grows four times after its first
 * array: resizes that no hook announces, of tables on the heap or in a frame.
 */
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))

struct table {
    void **buckets;
    size_t capacity;
};

NOINLINE void small_table_grow(struct table *table)
{
    void **old = table->buckets;
    size_t capacity = table->capacity ? table->capacity * 2 : 16;

    table->buckets = calloc(capacity, sizeof *old);
    if (!table->buckets)
        abort();
    if (old)
        memcpy(table->buckets, old, table->capacity * sizeof *old);
    table->capacity = capacity;
    free(old);
}

NOINLINE void use(struct table *table)
{
    for (int times = 0; times < 5; times++)
        small_table_grow(table);
    free(table->buckets);
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    for (long tables = atol(arguments[2]); tables > 0; tables--) {
        struct table in_frame = {0}, *table = &in_frame;

        if (*arguments[1] == 'h' && !(table = calloc(1, sizeof *table)))
            abort();
        use(table);
        if (table != &in_frame)
            free(table);
    }
    return 0;
}
