/* A hash table, open addressing, of bitmaps of 64 numbers each. */
#include "analyzer/number_set.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST_ROOM 64u

struct number_block {
    uint64_t high; /* of its numbers */
    uint64_t bits; /* 0: a free place */
};

/* The block of numbers that begin with HIGH, or the free place where it would stand. */
static struct number_block *block_of(struct number_block *blocks, size_t room, uint64_t high)
{
    size_t at = (size_t)(high * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (room - 1);
    while (blocks[at].bits && blocks[at].high != high)
        at = (at + 1) & (room - 1);
    return &blocks[at];
}

static int grow(struct number_set *set)
{
    size_t room = set->room ? set->room * 2 : LEAST_ROOM;
    struct number_block *blocks = calloc(room, sizeof(*blocks));
    if (!blocks)
        return -ENOMEM;
    for (size_t i = 0; i < set->room; i++)
        if (set->blocks[i].bits)
            *block_of(blocks, room, set->blocks[i].high) = set->blocks[i];
    free(set->blocks);
    set->blocks = blocks;
    set->room = room;
    return 0;
}

int number_set_add(struct number_set *set, uint64_t number)
{
    if (set->used * 2 >= set->room && grow(set) != 0)
        return -ENOMEM;
    struct number_block *block = block_of(set->blocks, set->room, number / 64);
    uint64_t bit = UINT64_C(1) << number % 64;
    if (block->bits & bit)
        return 0;
    set->used += block->bits == 0;
    block->high = number / 64;
    block->bits |= bit;
    return 1;
}

bool number_set_has(const struct number_set *set, uint64_t number)
{
    return set->room && (block_of(set->blocks, set->room, number / 64)->bits >> number % 64 & 1);
}

void number_set_free(struct number_set *set)
{
    free(set->blocks);
    *set = (struct number_set){0};
}
