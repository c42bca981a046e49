/* GHashTable: a map (keys, hashes, values) and a set (keys, hashes), in numbers that are known. */
#include <glib.h>

#include "truth.h"

/* Buckets, by GLib's source: 8 at first, doubled when entries and a 1/16 of them fill all. */
static size_t buckets_for(size_t entries)
{
    size_t buckets = 8;

    while (buckets <= entries + entries / 16)
        buckets *= 2;
    return buckets;
}

int main(void)
{
    GHashTable *map = g_hash_table_new(g_direct_hash, NULL);
    GHashTable *set = g_hash_table_new(g_direct_hash, NULL);
    size_t before = 8;

    for (size_t i = 1; i <= 20000; i++) {
        g_hash_table_insert(map, GSIZE_TO_POINTER(i), GSIZE_TO_POINTER(i << 33 | 1));
        g_hash_table_add(set, GSIZE_TO_POINTER(i));
        size_t after = buckets_for(i);
        truth_change(before, after, 5);
        before = after;
    }
    g_hash_table_destroy(map);
    g_hash_table_destroy(set);
    truth_change(before, 8, 5); /* emptied before they are freed */
    truth_print();
}
