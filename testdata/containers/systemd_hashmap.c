/*
 * Hashmap of systemd, in the library that its programs share. That has no header;
 * these are its declarations.
 */
#include "truth.h"

typedef struct Hashmap Hashmap;
struct hash_ops;

extern const struct hash_ops trivial_hash_ops;
Hashmap *_hashmap_new(const struct hash_ops *operations);
int hashmap_put(Hashmap *map, const void *key, void *value);
unsigned _hashmap_buckets(Hashmap *map);
Hashmap *_hashmap_free(Hashmap *map, void (*free_key)(void *), void (*free_value)(void *));

/* The first few buckets are in the map itself. */
static size_t in_array(Hashmap *map, size_t in_map)
{
    size_t buckets = _hashmap_buckets(map);

    return buckets == in_map ? 0 : buckets;
}

int main(void)
{
    Hashmap *maps[] = {_hashmap_new(&trivial_hash_ops), _hashmap_new(&trivial_hash_ops)};
    size_t in_map = _hashmap_buckets(maps[0]);

    for (long key = 1; key < 20000; key++)
        for (int which = 0; which < 2; which++) {
            size_t before = in_array(maps[which], in_map);

            hashmap_put(maps[which], (void *)(key * (which + 1)), maps);
            truth_change(before, in_array(maps[which], in_map), 1);
        }
    _hashmap_free(maps[0], NULL, NULL);
    _hashmap_free(maps[1], NULL, NULL);
    truth_print();
}
