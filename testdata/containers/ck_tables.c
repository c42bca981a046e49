/*
 * Concurrency Kit's ck_ht, ck_hs and ck_rhs. A map that was replaced is handed
 * to the caller's free function; with an argument, that one lets it lie.
 */
#include <ck_hs.h>
#include <ck_ht.h>
#include <ck_rhs.h>
#include <stdbool.h>
#include <stdlib.h>

#include "truth.h"

static bool keep;
static long replaced;

static void *table_malloc(size_t bytes)
{
    return malloc(bytes);
}

static void table_free(void *block, size_t bytes, bool defer)
{
    (void)bytes;
    replaced += defer; /* a map that was replaced, and that readers may still be in */
    if (!(defer && keep))
        free(block);
}

static struct ck_malloc allocator = {.malloc = table_malloc, .free = table_free};

static unsigned long hash(const void *key, unsigned long seed)
{
    return (*(const unsigned long *)key ^ seed) * 0x9e3779b97f4a7c15ul;
}

static bool same(const void *a, const void *b)
{
    return *(const unsigned long *)a == *(const unsigned long *)b;
}

int main(int argc, char **argv)
{
    static unsigned long keys[20001];
    ck_ht_t ht;
    ck_hs_t hs;
    ck_rhs_t rhs;

    (void)argv;
    keep = argc > 1;
    if (!ck_ht_init(&ht, CK_HT_MODE_DIRECT, NULL, &allocator, 8, 42) ||
        !ck_hs_init(&hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, hash, same, &allocator, 8, 42) ||
        !ck_rhs_init(&rhs, CK_RHS_MODE_SPMC | CK_RHS_MODE_OBJECT, hash, same, &allocator, 8, 42))
        return 1;
    for (unsigned long i = 1; i <= 20000; i++) {
        ck_ht_entry_t entry;
        ck_ht_hash_t where;

        keys[i] = i;
        ck_ht_hash_direct(&where, &ht, i);
        ck_ht_entry_set_direct(&entry, where, i, i);
        if (!ck_ht_put_spmc(&ht, where, &entry) ||
            !ck_hs_put(&hs, CK_HS_HASH(&hs, hash, &keys[i]), &keys[i]) ||
            !ck_rhs_put(&rhs, CK_RHS_HASH(&rhs, hash, &keys[i]), &keys[i]))
            return 1;
    }
    truth_resizes = replaced;
    truth_print();
}
