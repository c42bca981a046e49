#include "trace/reader_history.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/reader_header.h"
#include "trace/reader_layout.h"
#include "trace/reader_named.h"
#include "trace/reader_twins.h"

struct history {
    struct trace *trace;
    struct source *source;
    const struct trace_sieve *sieve;
    unsigned pass;
    struct twins twins;

    /* Of the ring that is being read. */
    struct trace_ring *ring;
    size_t room; /* for records */
    struct trace_region region;
    const uint64_t *written; /* in the header: as of its last refresh */
    uint64_t head;           /* the slot that comes next, by the header when the pass began */
    uint64_t lap;            /* records written before slot 0 was written last */
};

/* The number of the newest record that must stand in SLOT; 0 in one that was never written. */
static uint64_t newest(const struct history *history, uint64_t slot)
{
    if (slot < history->head)
        return history->lap + slot + 1;
    return history->lap ? history->lap - history->region.capacity + slot + 1 : 0;
}

/* True if RECORD names a rule, and has a number that was given out: before it is counted. */
static bool is_known(const struct history *history, const struct trace_resize *record)
{
    return record->rule < history->trace->rule_count && record->number - 1 <= *history->written;
}

/* Looks for what the process has added since. */
static int refresh(struct history *history)
{
    uint64_t bad;
    int outcome = header_refresh(&history->trace->header, history->source);
    return outcome ? outcome : named_rules(history->trace, history->source, &bad);
}

static int append(struct history *history, const struct trace_resize *record)
{
    struct trace_ring *ring = history->ring;
    if (ring->count == history->room) {
        size_t room = history->room ? history->room * 2 : 64;
        struct trace_resize *records = reallocarray(ring->records, room, sizeof(*records));
        if (!records)
            return -ENOMEM;
        ring->records = records;
        history->room = room;
    }
    ring->records[ring->count++] = *record;
    return 0;
}

static int sift(struct history *history, struct trace_resize *record)
{
    struct trace *trace = history->trace;
    const struct trace_sieve *sieve = history->sieve;
    record->flags |= TRACE_RESIZE_RELEASED; /* else it would stand among the open ones */
    if (record->confidence > TRACE_AMBIGUOUS)
        record->confidence = TRACE_AMBIGUOUS;
    bool keep = !sieve || sieve->keep(sieve->context, trace, record);
    if (history->pass > 0)
        return 0;
    twins_see(&history->twins, record);
    trace->held[record->rule][trace_overstay_bucket(record)]++;
    return keep ? append(history, record) : 0;
}

static int see_record(void *context, uint64_t slot, void *entry, bool stable)
{
    struct history *history = context;
    struct trace *trace = history->trace;
    struct trace_resize *record = entry;
    uint64_t least = newest(history, slot);
    bool first_pass = history->pass == 0;
    bool cut = least ? record->number < least : record->number == 0 && record->replaced_ns;
    if (first_pass && (!stable || (cut && !trace->running)))
        trace->cut_entries++;
    if (!stable || record->number == 0)
        return 0;
    bool fits = record->number == least || (record->number - 1) % history->region.capacity == slot;
    if (fits && !is_known(history, record) && history->source->changing) {
        int outcome = refresh(history);
        if (outcome)
            return outcome;
    }
    if (fits && is_known(history, record))
        return sift(history, record);
    if (first_pass)
        trace->bad_entries++;
    return 0;
}

static int by_number(const void *left, const void *right)
{
    const struct trace_resize *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int load_ring(struct history *history, struct trace_ring *ring,
                     const struct trace_region *region, const uint64_t *written)
{
    uint64_t capacity = region->capacity;
    if (history->pass == 0)
        ring->overwritten = *written > capacity ? *written - capacity : 0;
    if (capacity == 0)
        return 0;
    history->ring = ring;
    history->room = ring->count;
    history->region = *region;
    history->written = written;
    history->head = *written % capacity;
    history->lap = *written - history->head;

    /* The oldest first. One more than was counted: its writer may have come to an end just then. */
    struct source_stretch older = {*region, history->head, capacity - history->head};
    struct source_stretch newer = {*region, 0, history->head};
    if (history->lap == 0)
        older.count = 1;
    const struct source_stretch *stretches[] = {history->lap ? &older : &newer,
                                                history->lap ? &newer : &older};
    int outcome = 0;
    for (int i = 0; i < 2 && outcome == 0; i++)
        outcome = source_entries(history->source, stretches[i], sizeof(struct trace_resize),
                                 see_record, history);
    if (outcome == 0 && history->pass == 0 && ring->count)
        qsort(ring->records, ring->count, sizeof(ring->records[0]), by_number);
    return outcome;
}

static int load_rings(struct history *history)
{
    struct trace *trace = history->trace;
    const struct trace_header *header = &trace->header;
    int outcome = load_ring(history, &trace->notable, &header->notable, &header->notable_written);
    if (outcome == 0)
        outcome = load_ring(history, &trace->recent, &header->recent, &header->recent_written);
    return outcome;
}

int history_load(struct trace *trace, struct source *source, const struct trace_sieve *sieve)
{
    struct history history = {.trace = trace, .source = source, .sieve = sieve};
    trace->held = calloc(LAYOUT_MOST_RULES, sizeof(trace->held[0]));
    if (!trace->held)
        return -ENOMEM;
    twins_begin(&history.twins, trace);
    int outcome = 0;
    for (bool more = true; more && outcome == 0; history.pass++) {
        more = !sieve || sieve->pass(sieve->context, trace, history.pass);
        if (more)
            outcome = load_rings(&history);
        if (history.pass == 0)
            twins_drop(&history.twins);
        more &= sieve != NULL;
    }
    return outcome;
}
