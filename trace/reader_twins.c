#include "trace/reader_twins.h"

#include <stdlib.h>

/* An address can only be replaced again after it was released: later. */
static int by_old_array(const void *left, const void *right)
{
    const struct trace_resize *a = left, *b = right;
    if (a->old_address != b->old_address)
        return a->old_address < b->old_address ? -1 : 1;
    return a->replaced_ns < b->replaced_ns ? -1 : a->replaced_ns > b->replaced_ns;
}

static unsigned bit_of(const struct trace_resize *resize)
{
    return (unsigned)(resize->old_address * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TWINS_FILTER_BITS;
}

void twins_begin(struct twins *twins, struct trace *trace)
{
    *twins = (struct twins){.trace = trace};
    if (trace->open_count)
        qsort(trace->open, trace->open_count, sizeof(trace->open[0]), by_old_array);
    for (size_t i = 0; i < trace->open_count; i++) {
        unsigned bit = bit_of(&trace->open[i]);
        twins->filter[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

void twins_see(struct twins *twins, const struct trace_resize *record)
{
    unsigned bit = bit_of(record);
    if (!(twins->filter[bit / 64] >> bit % 64 & 1))
        return;
    struct trace *trace = twins->trace;
    struct trace_resize *twin =
        bsearch(record, trace->open, trace->open_count, sizeof(trace->open[0]), by_old_array);
    if (twin)
        twin->state = TRACE_SLOT_FREE;
}

void twins_drop(struct twins *twins)
{
    struct trace *trace = twins->trace;
    size_t kept = 0;
    for (size_t i = 0; i < trace->open_count; i++)
        if (trace->open[i].state == TRACE_SLOT_USED)
            trace->open[kept++] = trace->open[i];
    trace->open_count = kept;
}
