/*
 * The classic maps of a Go program that are in the middle of a resize, found
 * by their shape alone: a header (hmap) with two arrays, the old one of which
 * is marked as moved up to where the header says.
 *
 * What has this shape need not be in use: a map that the program dropped keeps
 * its bytes until a collection has found it and the memory is used again.
 */
#ifndef MAPTRACE_GOLANG_OPEN_MAPS_H
#define MAPTRACE_GOLANG_OPEN_MAPS_H

#include "golang/types.h"

enum go_certainty {
    GO_TYPE_EXACT,    /* the runtime's own note at the array names it */
    GO_TYPE_INFERRED, /* the only one that fits what the arrays hold */
    GO_TYPE_UNKNOWN,  /* several fit, or none that is known */
};

struct go_open_map {
    uint64_t address; /* of the hmap */
    uint64_t count;   /* entries */
    uint64_t old_array, new_array;
    uint64_t moved, of;             /* old buckets */
    uint32_t overflow;              /* overflow buckets, about */
    uint8_t log2_buckets;           /* of the new array */
    bool same_size;                 /* grows into as many buckets, to get rid of overflow buckets */
    uint32_t bucket_bytes;          /* 0: several sizes fit */
    const struct go_map_type *type; /* one that fits; NULL: none */
    enum go_certainty certainty;
    uint32_t types_fitting;
    uint32_t copies; /* more headers with the same arrays: left behind when a stack moved */
};

struct go_open_maps {
    struct go_open_map *items; /* largest old array first */
    size_t count;
    uint64_t searched_bytes;
};

/* TYPES must outlive the result. 0 or -errno. */
int go_open_maps_find(const struct memory *memory, const struct go_types *types,
                      struct go_open_maps *maps);
void go_open_maps_free(struct go_open_maps *maps);

/*
 * True if both arrays of MAP, whose bucket_bytes are known, are marked as they would be: at least
 * as many buckets have moved as it says. Only a part of each is looked at, another one for each
 * PART: the first ones are 0, and all have been seen after a few.
 */
bool go_open_map_fits(const struct memory *memory, const struct go_open_map *map, uint64_t part);

#endif
