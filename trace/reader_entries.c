#include "trace/reader_entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
    void *items;
    size_t item_bytes, count, room;
};

static int append(struct list *list, const void *item)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        void *items = reallocarray(list->items, room, list->item_bytes);
        if (!items)
            return -ENOMEM;
        list->items = items;
        list->room = room;
    }
    memcpy((char *)list->items + list->count * list->item_bytes, item, list->item_bytes);
    list->count++;
    return 0;
}

struct loading {
    struct trace *trace;
    struct list list;
    /* Rings only. */
    uint64_t capacity, written;
};

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
        return append(&loading->list, entry);
    else if (state != TRACE_SLOT_FREE)
        trace->bad_entries++;
    return 0;
}

static int keep_array(void *context, uint64_t index, const void *entry, bool stable)
{
    const struct trace_array *array = entry;
    (void)index;
    return keep(context, array, array->sequence, array->state, stable);
}

static int keep_open(void *context, uint64_t index, const void *entry, bool stable)
{
    const struct trace_resize *resize = entry;
    (void)index;
    return keep(context, resize, resize->sequence, resize->state, stable);
}

static int keep_record(void *context, uint64_t index, const void *entry, bool stable)
{
    struct loading *loading = context;
    struct trace *trace = loading->trace;
    struct trace_resize record = *(const struct trace_resize *)entry;
    /* The number of the newest record that must stand here; 0 in the slot that comes next. */
    uint64_t newest = 0;
    if (index < loading->written)
        newest = loading->written - (loading->written - 1 - index) % loading->capacity;
    bool cut = newest ? record.number < newest : record.number == 0 && record.replaced_ns;
    if (!stable || (cut && !trace->running))
        trace->cut_entries++;
    if (!stable || record.number == 0)
        return 0;
    if ((record.number - 1) % loading->capacity != index) {
        trace->bad_entries++;
        return 0;
    }
    record.flags |= TRACE_RESIZE_RELEASED; /* else it would stand among the open ones */
    return append(&loading->list, &record);
}

static int by_number(const void *left, const void *right)
{
    const struct trace_resize *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int load_ring(struct trace *trace, struct source *source, const struct trace_region *region,
                     uint64_t written, struct trace_ring *ring)
{
    struct loading loading = {.trace = trace,
                              .list.item_bytes = sizeof(struct trace_resize),
                              .capacity = region->capacity,
                              .written = written};
    /* One more than was counted: its writer may have come to an end just then. */
    uint64_t used = written < region->capacity ? written + 1 : region->capacity;
    ring->overwritten = written > region->capacity ? written - region->capacity : 0;
    int outcome =
        source_entries(source, region, used, sizeof(struct trace_resize), keep_record, &loading);
    ring->records = loading.list.items;
    ring->count = loading.list.count;
    if (ring->count)
        qsort(ring->records, ring->count, sizeof(ring->records[0]), by_number);
    return outcome;
}

int entries_load(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    struct loading arrays = {.trace = trace, .list.item_bytes = sizeof(struct trace_array)};
    int outcome = source_entries(source, &header->arrays, header->arrays.capacity,
                                 sizeof(struct trace_array), keep_array, &arrays);
    trace->arrays = arrays.list.items;
    trace->array_count = arrays.list.count;
    if (outcome)
        return outcome;

    /* Before the rings: a resize that ends meanwhile is then seen twice, not missed. */
    struct loading open = {.trace = trace, .list.item_bytes = sizeof(struct trace_resize)};
    outcome = source_entries(source, &header->resizes, header->resizes.capacity,
                             sizeof(struct trace_resize), keep_open, &open);
    trace->open = open.list.items;
    trace->open_count = open.list.count;
    if (outcome == 0)
        outcome =
            load_ring(trace, source, &header->notable, header->notable_written, &trace->notable);
    if (outcome == 0)
        outcome = load_ring(trace, source, &header->recent, header->recent_written, &trace->recent);
    return outcome;
}

/* Keeps what names a rule and, in a ring, a number that was given out. */
static void drop_bad_resizes(struct trace *trace, struct trace_resize *items, size_t *count,
                             uint64_t most)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (items[i].rule < trace->rule_count && items[i].number <= most) {
            if (items[i].confidence > TRACE_AMBIGUOUS)
                items[i].confidence = TRACE_AMBIGUOUS;
            items[kept++] = items[i];
        }
    }
    trace->bad_entries += *count - kept;
    *count = kept;
}

/* A record is numbered before it is counted. */
static uint64_t most_numbered(uint64_t written)
{
    return written < UINT64_MAX ? written + 1 : written;
}

static void drop_bad_arrays(struct trace *trace)
{
    size_t kept = 0;
    for (size_t i = 0; i < trace->array_count; i++)
        if (trace->arrays[i].rule < trace->rule_count)
            trace->arrays[kept++] = trace->arrays[i];
    trace->bad_entries += trace->array_count - kept;
    trace->array_count = kept;
}

/* An address can only be replaced again after it was released: later. */
static int by_old_array(const void *left, const void *right)
{
    const struct trace_resize *a = left, *b = right;
    if (a->old_address != b->old_address)
        return a->old_address < b->old_address ? -1 : 1;
    return a->replaced_ns < b->replaced_ns ? -1 : a->replaced_ns > b->replaced_ns;
}

static void drop_ended(struct trace *trace, const struct trace_ring *ring)
{
    for (size_t i = 0; i < ring->count; i++) {
        struct trace_resize *twin = bsearch(&ring->records[i], trace->open, trace->open_count,
                                            sizeof(trace->open[0]), by_old_array);
        if (twin)
            twin->state = TRACE_SLOT_FREE;
    }
}

void entries_settle(struct trace *trace)
{
    drop_bad_arrays(trace);
    drop_bad_resizes(trace, trace->open, &trace->open_count, UINT64_MAX);
    drop_bad_resizes(trace, trace->notable.records, &trace->notable.count,
                     most_numbered(trace->header.notable_written));
    drop_bad_resizes(trace, trace->recent.records, &trace->recent.count,
                     most_numbered(trace->header.recent_written));
    if (trace->open_count == 0)
        return;
    qsort(trace->open, trace->open_count, sizeof(trace->open[0]), by_old_array);
    drop_ended(trace, &trace->notable);
    drop_ended(trace, &trace->recent);
    size_t kept = 0;
    for (size_t i = 0; i < trace->open_count; i++)
        if (trace->open[i].state == TRACE_SLOT_USED)
            trace->open[kept++] = trace->open[i];
    trace->open_count = kept;
}
