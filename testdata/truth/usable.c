/*
 * A table that uses all of what malloc_usable_size says it has, and a program
 * that reads its blocks back. One old array leaks.
 */
#include <malloc.h>

#include "truth.h"

enum { TABLES = 20, ROUNDS = 8 };

struct table {
    size_t bytes; /* asked for */
    size_t usable;
    unsigned char *buckets;
};

NOINLINE void usable_grow(struct table *table, bool pinned)
{
    size_t bytes = table->bytes ? table->bytes * 2 + 3 : 33;
    unsigned char *old = table->buckets;
    unsigned char *buckets = malloc(bytes);

    if (!buckets)
        abort();
    size_t usable = malloc_usable_size(buckets);
    if (usable < bytes)
        abort();
    memset(buckets, 0x5a, usable);
    for (size_t index = 0; index < table->usable; index++)
        if (old[index] != 0x5a)
            abort();
    table->buckets = buckets;
    table->bytes = bytes;
    table->usable = usable;
    if (!pinned)
        free(old);
}

int main(void)
{
    static struct table tables[TABLES];
    size_t sum = 0;

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            struct table before = tables[index];
            bool pinned = round == 4 && index == 13;

            usable_grow(&tables[index], pinned);
            sum += tables[index].usable;
            if (pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = &tables[index],
                    .table_bytes = sizeof *tables,
                    .array = before.buckets,
                    .bytes = before.bytes,
                    .new_array = tables[index].buckets,
                    .new_bytes = tables[index].bytes,
                });
        }
    truth_line("{\"is\":\"note\",\"usable\":%zu}", sum);
    truth_totals(TABLES, TABLES * (ROUNDS - 1));
    return 0;
}
