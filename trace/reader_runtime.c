#include "trace/reader_runtime.h"

#include <errno.h>
#include <stdlib.h>

static int keep_type(void *context, uint64_t index, const void *entry, bool stable)
{
    struct trace *trace = context;
    struct trace_type *type = &trace->types[index];
    (void)stable; /* written once, before it is counted */
    *type = *(const struct trace_type *)entry;
    type->name[sizeof(type->name) - 1] = '\0';
    trace->type_count = (uint32_t)index + 1;
    return 0;
}

static int keep_collection(void *context, uint64_t index, const void *entry, bool stable)
{
    struct trace *trace = context;
    const struct trace_collection *collection = entry;
    if (stable && collection->number &&
        (collection->number - 1) % trace->header.collections.capacity == index)
        trace->collections[trace->collection_count++] = *collection;
    return 0;
}

static int by_number(const void *left, const void *right)
{
    const struct trace_collection *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Room for COUNT entries of REGION, or as many as the file holds, which becomes COUNT. */
static void *room_for(const struct source *source, const struct trace_region *region,
                      uint64_t *count, size_t item_bytes)
{
    uint64_t bytes = source->bytes > region->offset ? source->bytes - region->offset : 0;
    uint64_t there = region->entry_bytes ? bytes / region->entry_bytes : 0;
    if (*count > there)
        *count = there;
    return calloc(*count + 1, item_bytes);
}

int runtime_load(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    uint64_t types = header->types_used, collections = header->collections_written;
    int outcome = 0;
    if (collections > header->collections.capacity)
        collections = header->collections.capacity;
    trace->types = room_for(source, &header->types, &types, sizeof(struct trace_type));
    trace->collections =
        room_for(source, &header->collections, &collections, sizeof(struct trace_collection));
    if (!trace->types || !trace->collections)
        return -ENOMEM;
    if (types)
        outcome = source_entries(source, &header->types, types, sizeof(struct trace_type),
                                 keep_type, trace);
    if (outcome == 0 && collections)
        outcome = source_entries(source, &header->collections, collections,
                                 sizeof(struct trace_collection), keep_collection, trace);
    qsort(trace->collections, trace->collection_count, sizeof(struct trace_collection), by_number);
    return outcome;
}
