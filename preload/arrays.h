/*
 * The arrays that are alive, found by their address or by any address inside
 * them (tables often store a pointer into the block, not its base).
 *
 * This is the authority; the trace holds a copy of each record. It lives in
 * private memory, so a fork's child has its own consistent one. Called with
 * the tracer's lock held, but for arrays_maybe().
 */
#ifndef MAPTRACE_PRELOAD_ARRAYS_H
#define MAPTRACE_PRELOAD_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/format.h"

struct array {
    struct trace_array record;
    uint64_t role;   /* hash of the calls between grow function and allocator: keys, values, ... */
    uint64_t serial; /* never reused, unlike the slot and the address */
    uint32_t resize; /* the open resize whose old array this is; 0: none */
    uint32_t next_exact;
    uint32_t next_span[2];
    uint8_t span_class; /* log2 of the blocks under which it is filed */
};

/* Index of an array; 0 is none. Entry n of the trace's region is array n. */
typedef uint32_t array_index;

/* ROOM entries, of which index 0 is never used. 0 or -ENOMEM. */
int arrays_start(uint32_t room);

/* Files an array under its address and size; the rest of the record is zero. 0: no room. */
array_index arrays_add(uintptr_t address, uint64_t bytes);
void arrays_remove(array_index index);
struct array *arrays_at(array_index index);
/* Writes the record to the trace. */
void arrays_publish(array_index index);

/* Where the array's pointer stands, and its table. */
void arrays_keep_place(array_index index, uintptr_t holder, uintptr_t table);
/* True if the pointer of a live array stands at HOLDER, as was seen. May forget, never invents. */
bool arrays_dwell_at(uintptr_t holder);

array_index arrays_exact(uintptr_t address);
/* The array that contains ADDRESS. */
array_index arrays_around(uintptr_t address);

/* Upper bound of the indexes in use, for walks over all. */
array_index arrays_end(void);

#define ARRAYS_FILTER_BITS 14
extern uint8_t arrays_filter[1u << ARRAYS_FILTER_BITS] __attribute__((visibility("hidden")));

/* Blocks that lie together have slots that lie together: few lines of the cache are touched. */
static inline uint32_t arrays_filter_slot(uintptr_t address)
{
    return (uint32_t)(address >> 4 ^ address >> 16) & ((1u << ARRAYS_FILTER_BITS) - 1);
}

/*
 * False: ADDRESS is surely not the base of a live array. One load, no lock;
 * an array is filed before the program learns its address.
 */
static inline bool arrays_maybe(const void *address)
{
    return __atomic_load_n(&arrays_filter[arrays_filter_slot((uintptr_t)address)],
                           __ATOMIC_RELAXED) != 0;
}

#endif
