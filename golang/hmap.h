/* A map of Go's classic kind: runtime/map.go, the same from Go 1.17 to 1.24 in what is needed. */
#ifndef MAPTRACE_GOLANG_HMAP_H
#define MAPTRACE_GOLANG_HMAP_H

#include <stddef.h>
#include <stdint.h>

struct go_hmap {
    uint64_t count;
    uint8_t flags, log2_buckets;
    uint16_t overflow;
    uint32_t hash0;
    uint64_t buckets, oldbuckets, nevacuate;
};

enum {
    GO_SAME_SIZE = 8, /* of flags: a resize into as many buckets; no higher bit is used */
    GO_SLOTS = 8,     /* of a bucket, which begins with as many marks (tophash) */
    GO_MARK_EVACUATED_FIRST = 2, /* of a slot that has moved, or was empty then */
    GO_MARK_EVACUATED_LAST = 4,
    GO_OVERFLOW_LOG2_LEAST = 4, /* arrays from this size on have 1/16 more, to overflow into */
};

/* The bytes of an array of 2^LOG2 buckets and the overflow buckets that are made with it. */
static inline uint64_t go_array_bytes(uint8_t log2, uint32_t bucket_bytes)
{
    uint64_t buckets = (uint64_t)1 << log2;

    if (log2 >= GO_OVERFLOW_LOG2_LEAST)
        buckets += buckets >> 4;
    return buckets * bucket_bytes;
}

#endif
