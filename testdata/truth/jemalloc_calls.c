/*
 * Tables grown by jemalloc's own calls: mallocx, rallocx, xallocx, sdallocx,
 * dallocx. One leaks an old array.
 */
#include <jemalloc/jemalloc.h>

#include "truth.h"

enum { TABLES = 8, ROUNDS = 6 };

struct table {
    size_t capacity;
    void **buckets;
};

static long resizes;

NOINLINE void calls_grow(struct table *table, bool pinned)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **old = table->buckets;
    void **buckets = mallocx(capacity * sizeof *buckets, MALLOCX_ALIGN(64) | MALLOCX_ZERO);

    if (!buckets)
        abort();
    resizes += old != NULL;
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    if (old && !pinned) {
        if (capacity % 64)
            dallocx(old, 0);
        else
            sdallocx(old, table->capacity * sizeof *old, MALLOCX_ALIGN(64));
    }
    table->capacity = capacity;
}

NOINLINE void calls_regrow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;

    if (!table->buckets) {
        table->buckets = mallocx(capacity * sizeof *table->buckets, 0);
    } else {
        void **buckets = rallocx(table->buckets, capacity * sizeof *buckets, MALLOCX_ZERO);
        if (!buckets)
            abort();
        table->buckets = buckets;
        resizes++;
    }
    table->capacity = capacity;
}

/* Asks to grow in place; counts only when it did. */
NOINLINE void calls_regrow_in_place(struct table *table)
{
    size_t want = table->capacity * sizeof(void *) + 8;
    size_t before = sallocx(table->buckets, 0);
    size_t after = xallocx(table->buckets, want, 0, 0);

    if (after >= want) {
        table->capacity = want / sizeof(void *);
        resizes += after > before;
    }
}

int main(void)
{
    static struct table tables[TABLES], others[TABLES];
    long inside = 0;

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            struct table before = tables[index];
            bool pinned = round == 3 && index == 6;

            calls_grow(&tables[index], pinned);
            calls_regrow(&others[index]);
            if (pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = &tables[index],
                    .table_bytes = sizeof *tables,
                    .array = before.buckets,
                    .bytes = before.capacity * sizeof(void *),
                    .new_array = tables[index].buckets,
                    .new_bytes = tables[index].capacity * sizeof(void *),
                });
        }
    for (int index = 0; index < TABLES; index++) {
        size_t capacity = others[index].capacity;
        calls_regrow_in_place(&others[index]);
        inside += others[index].capacity != capacity;
    }
    /* Whether growth within the block that is there counts is a matter of taste. */
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":%d,\"resizes\":[%ld,%ld]}",
               (long)getpid(), TABLES * 2, resizes, resizes + inside);
    return 0;
}
