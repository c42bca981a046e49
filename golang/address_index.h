/* A small number for each of many addresses. Address 0 is none. */
#ifndef MAPTRACE_GOLANG_ADDRESS_INDEX_H
#define MAPTRACE_GOLANG_ADDRESS_INDEX_H

#include <stdint.h>

#define ADDRESS_INDEX_NONE UINT32_MAX

struct address_index {
    struct address_slot {
        uint64_t address;
        uint32_t number;
    } * slots;
    uint32_t mask, used;
};

/* 0 or -ENOMEM. */
int address_index_make(struct address_index *index);
void address_index_free(struct address_index *index);

/* The number of ADDRESS, or ADDRESS_INDEX_NONE. */
uint32_t address_index_get(const struct address_index *index, uint64_t address);
/* Without memory for more, ADDRESS may be left out. */
void address_index_put(struct address_index *index, uint64_t address, uint32_t number);
/* Takes ADDRESS out, if NUMBER is what stands there. */
void address_index_drop(struct address_index *index, uint64_t address, uint32_t number);

#endif
