/* The map types that a trace names, each once, as they come up. */
#ifndef MAPTRACE_GOLANG_TYPE_IDS_H
#define MAPTRACE_GOLANG_TYPE_IDS_H

#include "golang/address_index.h"
#include "golang/go_trace.h"
#include "golang/types.h"

struct go_type_ids {
    struct go_trace *trace;
    const struct memory *memory;
    const struct go_types *types;
    struct address_index ids; /* by the address of the descriptor */
};

/* All must outlive IDS. 0 or -ENOMEM. */
int go_type_ids_make(struct go_type_ids *ids, struct go_trace *trace, const struct memory *memory,
                     const struct go_types *types);
void go_type_ids_free(struct go_type_ids *ids);

/* The type whose descriptor is at ADDRESS, as trace_resize.type has it, and what a bucket has. 0:
 * there is no such map type, or no room for it. */
uint32_t go_type_id(struct go_type_ids *ids, uint64_t address, uint32_t *bucket_bytes);

#endif
