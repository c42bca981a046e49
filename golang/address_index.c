#include "golang/address_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Open addressing, at most half full; what follows a slot that is emptied moves up. */

int address_index_make(struct address_index *index, uint32_t count)
{
    uint32_t slots = 16;

    while (slots < 2 * count)
        slots *= 2;
    *index = (struct address_index){calloc(slots, sizeof *index->slots), slots - 1};
    return index->slots ? 0 : -ENOMEM;
}

void address_index_free(struct address_index *index)
{
    free(index->slots);
    *index = (struct address_index){0};
}

static uint32_t home(const struct address_index *index, uint64_t address)
{
    return (uint32_t)((address * 0x9e3779b97f4a7c15u) >> 32) & index->mask;
}

/* Where ADDRESS stands, or the free slot where it would. */
static uint32_t find(const struct address_index *index, uint64_t address)
{
    uint32_t at = home(index, address);

    while (index->slots[at].address && index->slots[at].address != address)
        at = (at + 1) & index->mask;
    return at;
}

uint32_t address_index_get(const struct address_index *index, uint64_t address)
{
    uint32_t at = find(index, address);

    return address && index->slots[at].address ? index->slots[at].number : ADDRESS_INDEX_NONE;
}

void address_index_put(struct address_index *index, uint64_t address, uint32_t number)
{
    if (address)
        index->slots[find(index, address)] = (struct address_slot){address, number};
}

void address_index_drop(struct address_index *index, uint64_t address, uint32_t number)
{
    if (address_index_get(index, address) != number)
        return;
    uint32_t hole = find(index, address), at = hole;
    for (;;) {
        at = (at + 1) & index->mask;
        if (!index->slots[at].address)
            break;
        uint32_t wanted = home(index, index->slots[at].address);
        /* It may stand in the hole if that is not before its home. */
        if (((at - wanted) & index->mask) >= ((at - hole) & index->mask)) {
            index->slots[hole] = index->slots[at];
            hole = at;
        }
    }
    index->slots[hole].address = 0;
}
