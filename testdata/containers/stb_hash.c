/* stb_ds.h: hmput and shput, and hmdel, which shrinks. */
#define STB_DS_IMPLEMENTATION
#include <stb/stb_ds.h>

#include "truth.h"

struct pair {
    int key, value;
};

/* The index stands behind the header of the array of entries; its first member counts slots. */
static size_t slots(struct pair *map)
{
    stbds_array_header *header = map ? stbds_header(map - 1) : NULL;
    size_t *index = header ? header->hash_table : NULL;

    return index ? ((stbds_hash_index *)index)->slot_count : 0;
}

static size_t times(struct pair *map)
{
    stbds_array_header *header = map ? stbds_header(map - 1) : NULL;

    return header && header->hash_table ? (size_t)header->hash_table : 0;
}

int main(void)
{
    struct pair *map = NULL;

    for (int i = 0; i < 30000; i++) {
        size_t before = slots(map);

        hmput(map, i, i);
        truth_change(before, slots(map), 1);
    }
    for (int i = 0; i < 29990; i++) {
        size_t before = slots(map), index = times(map);

        (void)hmdel(map, i);
        if (slots(map) == before && times(map) != index)
            truth_resizes++; /* made anew in the same size, to be rid of deleted entries */
        truth_change(before, slots(map), 1);
    }
    truth_print();
}
