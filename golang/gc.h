/*
 * What Go's runtime counts of its garbage collections, read from its memory.
 *
 * The places are those that the runtime's own code names: runtime.memstats
 * (runtime/mstats.go, the same from Go 1.17 to 1.26), and gcController.heapLive.
 */
#ifndef MAPTRACE_GOLANG_GC_H
#define MAPTRACE_GOLANG_GC_H

#include "golang/functions.h"

#define GO_GC_UNKNOWN UINT64_MAX

struct go_gc_places {
    uint64_t cycles;    /* address of memstats.numgc; 0: not known */
    uint64_t heap_live; /* address of gcController.heapLive; 0: not known */
};

struct go_gc {
    uint64_t cycles;         /* finished */
    uint64_t pause_total_ns; /* the world stood still, all cycles together */
    uint64_t last_end_ns;    /* of the last one, CLOCK_REALTIME; 0: none yet */
    uint64_t heap_live; /* bytes marked by the last cycle or allocated since, or GO_GC_UNKNOWN */
};

void go_gc_find(const struct memory *memory, const struct go_functions *functions,
                struct go_gc_places *places);

/* False where the places are not known, or the memory is gone. */
bool go_gc_look(const struct memory *memory, const struct go_gc_places *places, struct go_gc *gc);

#endif
