/* The map types that a Go program's type descriptors name, for classic maps. */
#ifndef MAPTRACE_GOLANG_TYPES_H
#define MAPTRACE_GOLANG_TYPES_H

#include "golang/program.h"

struct go_map_type {
    uint64_t address; /* of its descriptor */
    uint64_t bucket;  /* of the descriptor of its bucket */
    char *name;       /* as map[string]main.Session */
    uint16_t bucket_bytes;
    uint8_t key_bytes, value_bytes;        /* of a slot, which may only point to the key or value */
    bool key_text, value_text;             /* strings */
    uint32_t key_pointers, value_pointers; /* a bit for each word of a slot that is a pointer */
};

struct go_types {
    struct go_map_type *items;
    size_t count;
};

/* Types made by reflection while the program runs are not among them. 0 or -errno. */
int go_types_read(const struct memory *memory, const struct go_program *program,
                  struct go_types *types);
void go_types_free(struct go_types *types);

#endif
