#include "indexer/offsets.h"

#include <errno.h>
#include <stdlib.h>

#define FREE UINT64_MAX

struct offset_slot {
    uint64_t key;
    void *value;
};

/* The slot of KEY, or the free one where it would be. */
static struct offset_slot *slot_of(struct offset_slot *slots, size_t room, uint64_t key)
{
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & (room - 1);

    while (slots[at].key != key && slots[at].key != FREE)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

bool offsets_find(const struct offsets *offsets, uint64_t key, void **value)
{
    if (!offsets->room || key == FREE)
        return false;
    const struct offset_slot *slot = slot_of(offsets->slots, offsets->room, key);
    if (slot->key != key)
        return false;
    if (value)
        *value = slot->value;
    return true;
}

static int enlarge(struct offsets *offsets)
{
    size_t room = offsets->room ? offsets->room * 2 : 256;
    struct offset_slot *slots = reallocarray(NULL, room, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < room; i++)
        slots[i].key = FREE;
    for (size_t i = 0; i < offsets->room; i++) {
        if (offsets->slots[i].key != FREE)
            *slot_of(slots, room, offsets->slots[i].key) = offsets->slots[i];
    }
    free(offsets->slots);
    offsets->slots = slots;
    offsets->room = room;
    return 0;
}

int offsets_add(struct offsets *offsets, uint64_t key, void *value)
{
    if (offsets->count * 2 >= offsets->room) {
        int error = enlarge(offsets);
        if (error)
            return error;
    }
    *slot_of(offsets->slots, offsets->room, key) = (struct offset_slot){key, value};
    offsets->count++;
    return 0;
}

void offsets_free(struct offsets *offsets)
{
    free(offsets->slots);
    *offsets = (struct offsets){0};
}
