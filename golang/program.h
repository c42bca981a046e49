/*
 * What a process shows of Go's runtime: found by its table of functions
 * (pclntab), which every Go program carries, stripped or not.
 *
 * Layouts are those of Go 1.16 to 1.26 on amd64 (runtime/symtab.go,
 * internal/abi/type.go); all that is read is checked before it is believed.
 */
#ifndef MAPTRACE_GOLANG_PROGRAM_H
#define MAPTRACE_GOLANG_PROGRAM_H

#include <stdint.h>

#include "golang/memory.h"

enum go_maps {
    GO_MAPS_UNKNOWN, /* neither kind is linked into the program */
    GO_MAPS_CLASSIC, /* buckets; an old array is moved piece by piece */
    GO_MAPS_SWISS,   /* Go 1.24 and later: an old array is dropped at once */
};

enum { GO_MODULEDATA_WORDS = 41 };

struct go_program {
    char version[48];    /* as go1.23.8; empty: not known */
    const char *between; /* the versions that its table of functions tells */
    enum go_maps maps;
    uint64_t types, types_end; /* type descriptors */
    uint32_t magic;            /* of the table of functions: 0xfffffff1 since Go 1.20 */
    uint64_t table;            /* where it is */
    /* The runtime's moduledata as it is in memory, as many words as all versions have. */
    uint64_t module[GO_MODULEDATA_WORDS];
};

/* Returns 0 or -errno: -ENOENT if PROGRAM's file is no Go program. */
int go_program_find(const struct memory *memory, struct go_program *program);

#endif
