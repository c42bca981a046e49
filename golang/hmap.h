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
};

#endif
