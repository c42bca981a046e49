/* uthash: macros only, so what grows is the function that says HASH_ADD. */
#include <stdlib.h>
#include <uthash.h>

#include "truth.h"

struct item {
    int key;
    UT_hash_handle hh;
};

static struct item *items;

static size_t buckets(void)
{
    return items ? items->hh.tbl->num_buckets : 0;
}

__attribute__((noinline)) static void remember(int key)
{
    struct item *item = malloc(sizeof *item);
    size_t before = buckets();

    item->key = key;
    HASH_ADD_INT(items, key, item);
    truth_change(before, buckets(), 1);
}

int main(void)
{
    for (int i = 0; i < 50000; i++)
        remember(i);
    truth_print();
}
