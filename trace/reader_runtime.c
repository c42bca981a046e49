#include "trace/reader_runtime.h"

#include <errno.h>
#include <stdlib.h>

static int keep_type(void *context, uint64_t index, void *entry, bool stable)
{
    struct trace *trace = context;
    struct trace_type *type = &trace->types[index];
    (void)stable; /* written once, before it is counted */
    *type = *(const struct trace_type *)entry;
    type->name[sizeof(type->name) - 1] = '\0';
    trace->type_count = (uint32_t)index + 1;
    return 0;
}

static int keep_site(void *context, uint64_t index, void *entry, bool stable)
{
    struct trace *trace = context;
    (void)stable; /* each counter is whole by itself */
    trace->sites[index] = *(const struct trace_site *)entry;
    trace->site_count = (uint32_t)index + 1;
    return 0;
}

static int keep_collection(void *context, uint64_t index, void *entry, bool stable)
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

int runtime_load(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    struct source_stretch types = {header->types, 0,
                                   source_fitting(source, &header->types, header->types_used)};
    struct source_stretch sites = {header->sites, 0,
                                   source_fitting(source, &header->sites, header->sites_used)};
    uint64_t written = header->collections_written, capacity = header->collections.capacity;
    struct source_stretch collections = {
        header->collections, 0,
        source_fitting(source, &header->collections, written < capacity ? written : capacity)};
    int outcome = 0;
    trace->types = calloc(types.count + 1, sizeof(struct trace_type));
    trace->sites = calloc(sites.count + 1, sizeof(struct trace_site));
    trace->collections = calloc(collections.count + 1, sizeof(struct trace_collection));
    if (!trace->types || !trace->sites || !trace->collections)
        return -ENOMEM;
    if (types.count)
        outcome = source_entries(source, &types, sizeof(struct trace_type), keep_type, trace);
    if (outcome == 0 && sites.count)
        outcome = source_entries(source, &sites, sizeof(struct trace_site), keep_site, trace);
    if (outcome == 0 && collections.count)
        outcome = source_entries(source, &collections, sizeof(struct trace_collection),
                                 keep_collection, trace);
    qsort(trace->collections, trace->collection_count, sizeof(struct trace_collection), by_number);
    return outcome;
}
