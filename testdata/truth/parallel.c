/*
 * Tables of three parallel arrays, of which one table leaks two.
 *
 *     parallel SITES SCRATCH
 *
 * SITES: separate (a call site for each array), loop (one call site for all),
 * equal (a loop, and all three of the same size). SCRATCH: none, small (a
 * bitmap made first), large (a block bigger than the arrays made last), or both.
 */
#include "truth.h"

enum { TABLES = 20, ROUNDS = 5, ARRAYS = 3 };

struct map {
    size_t capacity;
    void *arrays[ARRAYS]; /* keys, values, flags */
    bool pinned;          /* keeps the old values and flags */
};

static const size_t mixed_widths[ARRAYS] = {8, 24, 1};
static const size_t equal_widths[ARRAYS] = {8, 8, 8};
static const size_t *widths = mixed_widths;
static bool scratch_first, scratch_last;

static void *must(void *block)
{
    if (!block)
        abort();
    return block;
}

static char *scratch(bool wanted, size_t bytes)
{
    char *block = NULL;

    if (wanted) {
        block = must(malloc(bytes));
        memset(block, 1, bytes);
        USE(block);
    }
    return block;
}

NOINLINE void parallel_grow(struct map *map)
{
    size_t old_capacity = map->capacity, capacity = old_capacity ? old_capacity * 2 : 16;
    char *bitmap = scratch(scratch_first, capacity / 8);
    void *keys = must(malloc(capacity * mixed_widths[0]));
    void *values = must(malloc(capacity * mixed_widths[1]));
    void *flags = must(calloc(capacity, mixed_widths[2]));
    char *queue = scratch(scratch_last, capacity * 64);

    if (old_capacity) {
        memcpy(keys, map->arrays[0], old_capacity * mixed_widths[0]);
        memcpy(values, map->arrays[1], old_capacity * mixed_widths[1]);
        memcpy(flags, map->arrays[2], old_capacity * mixed_widths[2]);
        free(map->arrays[0]);
        if (!map->pinned) {
            free(map->arrays[1]);
            free(map->arrays[2]);
        }
    }
    free(bitmap);
    free(queue);
    map->arrays[0] = keys;
    map->arrays[1] = values;
    map->arrays[2] = flags;
    map->capacity = capacity;
}

NOINLINE void parallel_grow_loop(struct map *map)
{
    size_t old_capacity = map->capacity, capacity = old_capacity ? old_capacity * 2 : 16;
    char *bitmap = scratch(scratch_first, capacity / 8);
    void *arrays[ARRAYS];

    for (int index = 0; index < ARRAYS; index++)
        arrays[index] = must(calloc(capacity, widths[index]));
    char *queue = scratch(scratch_last, capacity * 64);

    for (int index = 0; index < ARRAYS; index++) {
        if (old_capacity)
            memcpy(arrays[index], map->arrays[index], old_capacity * widths[index]);
        if (index == 0 || !map->pinned)
            free(map->arrays[index]);
        map->arrays[index] = arrays[index];
    }
    free(queue);
    free(bitmap);
    map->capacity = capacity;
}

static void grow(struct map *map, const char *sites)
{
    struct map before = *map;

    if (strcmp(sites, "separate") == 0)
        parallel_grow(map);
    else
        parallel_grow_loop(map);
    for (int index = 1; map->pinned && index < ARRAYS; index++)
        truth_finding((struct truth){
            .kind = "leaked",
            .table = map,
            .table_bytes = sizeof *map,
            .array = before.arrays[index],
            .bytes = before.capacity * widths[index],
            .new_array = map->arrays[index],
            .new_bytes = map->capacity * widths[index],
        });
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    const char *sites = arguments[1];
    scratch_first = strcmp(arguments[2], "small") == 0 || strcmp(arguments[2], "both") == 0;
    scratch_last = strcmp(arguments[2], "large") == 0 || strcmp(arguments[2], "both") == 0;
    if (strcmp(sites, "equal") == 0)
        widths = equal_widths;

    struct map *maps = calloc(TABLES, sizeof *maps);
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            maps[index].pinned = round == 3 && index == 11;
            grow(&maps[index], sites);
        }
    truth_totals(TABLES, (long)TABLES * (ROUNDS - 1) * ARRAYS);
    return 0;
}
