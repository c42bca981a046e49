#include "stacks.h"

#include <errno.h>
#include <string.h>

#include "pages.h"
#include "room.h"

#define BUCKETS 4096u

static uint32_t buckets[BUCKETS]; /* ids by hash; collisions chain in chain */
static struct {
    uint32_t id, next;
} * chain;
static uint32_t chain_used, chain_room;

int stacks_start(uint32_t capacity)
{
    chain_room = capacity / 4;
    chain = pages_map(chain_room * sizeof *chain);
    return chain ? 0 : -ENOMEM;
}

void stacks_clear(struct trace_header *header)
{
    header->stack_words_used = 1; /* id 0 means no stack */
    memset(buckets, 0, sizeof buckets);
    chain_used = 1;
}

uint32_t stacks_add(struct trace_header *header, const uint64_t *frames, uint32_t count)
{
    uint64_t *words = (uint64_t *)((char *)header + header->stacks.offset);
    uint64_t hash = 0x9e3779b97f4a7c15u ^ count;

    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ frames[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 29;
    }
    uint64_t first = (hash & ~(uint64_t)0xffff) | count;
    uint32_t *bucket = &buckets[hash >> 20 & (BUCKETS - 1)];
    for (uint32_t link = *bucket; link; link = chain[link].next) {
        uint32_t id = chain[link].id;

        if (words[id] == first && memcmp(words + id + 1, frames, count * sizeof *frames) == 0)
            return id;
    }
    uint32_t id = header->stack_words_used;
    if (id + 1 + count > header->stacks.capacity || chain_used == chain_room ||
        !room_for(&header->stacks, (uint64_t)id + 1 + count)) {
        header->lost_stacks++;
        return 0;
    }
    words[id] = first;
    memcpy(words + id + 1, frames, count * sizeof *frames);
    __atomic_store_n(&header->stack_words_used, id + 1 + count, __ATOMIC_RELEASE);
    chain[chain_used].id = id;
    chain[chain_used].next = *bucket;
    *bucket = chain_used++;
    return id;
}
