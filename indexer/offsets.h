/* A map from offsets (or addresses) that are never UINT64_MAX to pointers. */
#ifndef MAPTRACE_INDEXER_OFFSETS_H
#define MAPTRACE_INDEXER_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offsets {
    struct offset_slot *slots;
    size_t count, room; /* room is a power of two, or 0 */
};

/* True and *VALUE (if VALUE is not NULL) if KEY is there. */
bool offsets_find(const struct offsets *offsets, uint64_t key, void **value);
/* KEY must not be there. 0 or -ENOMEM. */
int offsets_add(struct offsets *offsets, uint64_t key, void *value);
void offsets_free(struct offsets *offsets);

#endif
