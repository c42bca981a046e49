#include "golang/address_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Open addressing, at most half full while there is memory; what follows a slot that is emptied
 * moves up. It begins small: most indexes hold few addresses, and stay in a processor's cache.
 */
enum { SLOTS_LEAST = 64 };

int address_index_make(struct address_index *index)
{
    *index = (struct address_index){calloc(SLOTS_LEAST, sizeof *index->slots), SLOTS_LEAST - 1, 0};
    return index->slots ? 0 : -ENOMEM;
}

void address_index_free(struct address_index *index)
{
    free(index->slots);
    *index = (struct address_index){0};
}

static uint32_t home(const struct address_index *index, uint64_t address)
{
    return (uint32_t)((address * 0x9e3779b97f4a7c15u) >> 40) & index->mask;
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

static void grow(struct address_index *index)
{
    struct address_index larger = {.mask = 2 * index->mask + 1};

    larger.slots = calloc((size_t)larger.mask + 1, sizeof *larger.slots);
    if (!larger.slots)
        return;
    for (uint32_t i = 0; i <= index->mask; i++)
        if (index->slots[i].address)
            larger.slots[find(&larger, index->slots[i].address)] = index->slots[i];
    larger.used = index->used;
    free(index->slots);
    *index = larger;
}

void address_index_put(struct address_index *index, uint64_t address, uint32_t number)
{
    if (!address)
        return;
    if (index->used > index->mask / 2)
        grow(index);
    uint32_t at = find(index, address);
    if (!index->slots[at].address) {
        if (index->used == index->mask) /* one stays free: it ends every search */
            return;
        index->used++;
    }
    index->slots[at] = (struct address_slot){address, number};
}

void address_index_drop(struct address_index *index, uint64_t address, uint32_t number)
{
    uint32_t hole = find(index, address), at = hole;

    if (!index->slots[hole].address || index->slots[hole].number != number)
        return;
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
    index->used--;
}
