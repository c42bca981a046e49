#include "trace/reader_entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    struct trace *trace;
    void *items;
    size_t item_bytes, count, room;
};

static int append(struct loading *loading, const void *item)
{
    if (loading->count == loading->room) {
        size_t room = loading->room ? loading->room * 2 : 64;
        void *items = reallocarray(loading->items, room, loading->item_bytes);
        if (!items)
            return -ENOMEM;
        loading->items = items;
        loading->room = room;
    }
    memcpy((char *)loading->items + loading->count * loading->item_bytes, item,
           loading->item_bytes);
    loading->count++;
    return 0;
}

/* Keeps a used entry of a region with holes. */
static int keep(struct loading *loading, const void *entry, uint32_t sequence, uint8_t state,
                bool stable)
{
    struct trace *trace = loading->trace;
    if (stable && sequence % 2 != 0 && trace->running)
        return SOURCE_AGAIN;
    if (!stable || sequence % 2 != 0)
        trace->cut_entries++;
    else if (state == TRACE_SLOT_USED)
        return append(loading, entry);
    else if (state != TRACE_SLOT_FREE)
        trace->bad_entries++;
    return 0;
}

static int keep_array(void *context, uint64_t index, void *entry, bool stable)
{
    const struct trace_array *array = entry;
    (void)index;
    return keep(context, array, array->sequence, array->state, stable);
}

static int keep_open(void *context, uint64_t index, void *entry, bool stable)
{
    const struct trace_resize *resize = entry;
    (void)index;
    return keep(context, resize, resize->sequence, resize->state, stable);
}

int entries_load(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    struct loading arrays = {.trace = trace, .item_bytes = sizeof(struct trace_array)};
    struct source_stretch all = {header->arrays, 0, header->arrays.capacity};
    int outcome = source_entries(source, &all, sizeof(struct trace_array), keep_array, &arrays);
    trace->arrays = arrays.items;
    trace->array_count = arrays.count;
    if (outcome)
        return outcome;

    struct loading open = {.trace = trace, .item_bytes = sizeof(struct trace_resize)};
    all = (struct source_stretch){header->resizes, 0, header->resizes.capacity};
    outcome = source_entries(source, &all, sizeof(struct trace_resize), keep_open, &open);
    trace->open = open.items;
    trace->open_count = open.count;
    return outcome;
}

void entries_check(struct trace *trace)
{
    size_t kept = 0;
    for (size_t i = 0; i < trace->array_count; i++)
        if (trace->arrays[i].rule < trace->rule_count)
            trace->arrays[kept++] = trace->arrays[i];
    trace->bad_entries += trace->array_count - kept;
    trace->array_count = kept;

    kept = 0;
    for (size_t i = 0; i < trace->open_count; i++) {
        struct trace_resize *resize = &trace->open[i];
        if (resize->rule >= trace->rule_count)
            continue;
        if (resize->confidence > TRACE_AMBIGUOUS)
            resize->confidence = TRACE_AMBIGUOUS;
        trace->open[kept++] = *resize;
    }
    trace->bad_entries += trace->open_count - kept;
    trace->open_count = kept;
}
