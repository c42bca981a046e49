#include "analyzer/json_runtime.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyzer/printable.h"
#include "analyzer/runtime.h"

static json_t *number(uint64_t value)
{
    return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

json_t *json_type_name(const struct trace *trace, uint32_t id)
{
    const struct trace_type *type = trace_type(trace, id);
    if (!type)
        return json_null();
    char *valid = printable_utf8(type->name);
    json_t *text = valid ? json_string_nocheck(valid) : NULL;
    free(valid);
    return text;
}

static json_t *load_factor(const struct trace_resize *resize)
{
    if (resize->of == 0 || resize->of == TRACE_UNKNOWN || resize->entries == TRACE_UNKNOWN)
        return json_null();
    return json_real((double)resize->entries / (double)resize->of);
}

json_t *json_go_finding(const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    if (!trace_type(finding->trace, resize->type))
        return json_null();
    struct runtime_collections collections = runtime_collections(finding);
    bool same_size = resize->flags & TRACE_RESIZE_SAME_SIZE;
    bool halved = !same_size && resize->of != TRACE_UNKNOWN;
    return json_pack(
        "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "old_buckets",
        number(resize->of), "new_buckets", number(halved ? 2 * resize->of : resize->of),
        "same_size", same_size, "entries", number(resize->entries), "load_factor",
        load_factor(resize), "overflow_buckets", number(resize->overflow), "goroutine",
        json_sprintf("0x%" PRIx64, resize->routine), "liveness",
        resize->flags & TRACE_RESIZE_UNVERIFIED ? "unverified" : "verified", "collections",
        collections.known ? number(collections.count) : json_null(), "collection_pause_ns",
        collections.known ? number(collections.pause_ns) : json_null(), "heap_bytes",
        number(collections.heap_bytes), "replaced_bytes", number(resize->replaced_bytes));
}

static json_t *collections_array(const struct trace *trace)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < trace->collection_count; i++) {
        const struct trace_collection *collection = &trace->collections[i];
        json_t *row =
            json_pack("{s:o, s:o, s:o, s:o}", "at_ns", number(collection->at_ns), "cycles",
                      number(collection->cycles), "pause_ns", number(collection->pause_ns),
                      "heap_bytes", number(collection->heap_bytes));
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static bool is_go(const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->module_count; i++)
        if (trace->modules[i].flags & TRACE_MODULE_GO)
            return true;
    return false;
}

json_t *json_go_trace(const struct trace *trace)
{
    const struct trace_header *header = &trace->header;
    if (!is_go(trace))
        return json_null();
    json_t *collections = collections_array(trace);
    return json_pack("{s:b, s:b, s:o, s:o, s:o}", "liveness_known",
                     (header->flags & TRACE_FLAG_LIVENESS) != 0, "attached",
                     (header->flags & TRACE_FLAG_ATTACHED) != 0, "collected_resizes",
                     number(header->collected), "orphaned_ends", number(header->orphans),
                     "collections", collections);
}

json_t *json_site(const struct trace *trace, const struct trace_site *site)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pid",
                     number(trace->header.pid), "type", json_type_name(trace, site->type), "tables",
                     number(site->tables), "resizes", number(site->resizes), "same_size",
                     number(site->same_size), "replaced_bytes", number(site->replaced_bytes),
                     "most_resizes", number(site->most_resizes), "most_entries",
                     number(site->most_entries), "most_bytes", number(site->most_bytes));
}

json_t *json_advice(const struct advice *advice)
{
    bool presize = advice->kind == ADVICE_PRESIZE;
    const struct trace *trace = advice->trace;
    json_t *row =
        json_pack("{s:s, s:o, s:o, s:o}", "kind", advice_kind_name(advice->kind), "pid",
                  number(trace->header.pid), "type",
                  json_type_name(trace, presize ? advice->site->type : advice->array->type),
                  "bytes", number(advice->bytes));
    int failed =
        presize
            ? json_object_set_new(row, "resizes", number(advice->site->resizes)) |
                  json_object_set_new(row, "entries", number(advice->site->most_entries))
            : json_object_set_new(row, "table", json_sprintf("0x%" PRIx64, advice->array->table)) |
                  json_object_set_new(row, "entries", number(advice->array->entries));
    if (failed) {
        json_decref(row);
        return NULL;
    }
    return row;
}
