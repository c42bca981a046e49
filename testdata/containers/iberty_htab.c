/* libiberty's htab, as binutils, gdb and gcc use it. */
#include <stdlib.h>

#include <libiberty/hashtab.h>

#include "truth.h"

static void remove_one(htab_t table, void *key)
{
    size_t before = htab_size(table);

    htab_remove_elt(table, key);
    truth_change(before, htab_size(table), 1);
}

int main(void)
{
    htab_t table = htab_create(100, htab_hash_pointer, htab_eq_pointer, NULL);

    for (size_t i = 2; i < 50000; i++) {
        size_t before = htab_size(table);

        *htab_find_slot(table, (void *)(i * 16), INSERT) = (void *)(i * 16);
        truth_change(before, htab_size(table), 1);
    }
    for (size_t i = 2; i < 49990; i++)
        remove_one(table, (void *)(i * 16));
    for (size_t i = 2; i < 20000; i++) { /* the next growth counts what was removed, and shrinks */
        size_t before = htab_size(table);

        *htab_find_slot(table, (void *)(i * 16), INSERT) = (void *)(i * 16);
        truth_change(before, htab_size(table), 1);
    }
    truth_print();
    htab_delete(table);
}
