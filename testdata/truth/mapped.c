/*
 * Bucket arrays that are mapped, not malloced.
 *
 *     mapped MODE
 *
 * mmap    each growth maps a new array and unmaps the old one
 * leaked  the same, but one table forgets to unmap
 * mremap  the array grows by mremap, in place or moving
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "truth.h"

enum { TABLES = 6, ROUNDS = 5, PAGE = 4096 };

struct table {
    size_t bytes;
    char *buckets;
    bool pinned;
};

static char *map(size_t bytes)
{
    char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        abort();
    return pages;
}

NOINLINE void mapped_grow(struct table *table)
{
    size_t bytes = table->bytes ? table->bytes * 2 : 2 * PAGE;
    char *old = table->buckets;
    size_t old_bytes = table->bytes;
    char *pages = map(bytes);

    if (old)
        memcpy(pages, old, old_bytes);
    table->buckets = pages;
    table->bytes = bytes;
    if (old && !table->pinned && munmap(old, old_bytes) != 0)
        abort();
}

NOINLINE void mapped_regrow(struct table *table)
{
    size_t bytes = table->bytes ? table->bytes * 2 : 2 * PAGE;
    char *pages =
        table->buckets ? mremap(table->buckets, table->bytes, bytes, MREMAP_MAYMOVE) : map(bytes);

    if (pages == MAP_FAILED)
        abort();
    table->buckets = pages;
    table->bytes = bytes;
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    bool leaks = strcmp(arguments[1], "leaked") == 0;
    bool remaps = strcmp(arguments[1], "mremap") == 0;
    struct table *tables = calloc(TABLES, sizeof *tables);

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            struct table before = tables[index];

            tables[index].pinned = leaks && round == 3 && index == 2;
            if (remaps)
                mapped_regrow(&tables[index]);
            else
                mapped_grow(&tables[index]);
            if (tables[index].pinned)
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
    for (int index = 0; index < TABLES; index++)
        truth_line("{\"is\":\"table\",\"array\":\"0x%lx\",\"bytes\":%zu}",
                   (unsigned long)tables[index].buckets, tables[index].bytes);
    truth_totals(TABLES, TABLES * (ROUNDS - 1));
    return 0;
}
