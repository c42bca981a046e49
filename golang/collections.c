#include "golang/collections.h"

static uint64_t end_of(const struct go_trace *trace, const struct go_gc *gc)
{
    const struct trace_header *header = trace->writer->header;
    uint64_t now = go_trace_now(trace);
    uint64_t at = gc->last_end_ns > header->start_realtime_ns
                      ? gc->last_end_ns - header->start_realtime_ns
                      : 0;

    return at < now ? at : now; /* somebody may have set the wall clock */
}

static void write(struct go_trace *trace, const struct go_gc *gc)
{
    struct trace_writer *writer = trace->writer;
    struct trace_header *header = writer->header;
    uint64_t number = header->collections_written, capacity = header->collections.capacity;

    if (number < capacity && !writer->room(writer->context, &header->collections, number + 1))
        return;
    struct trace_collection *slot = trace_entry(writer, &header->collections, number % capacity);
    __atomic_store_n(&slot->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    slot->at_ns = end_of(trace, gc);
    slot->cycles = gc->cycles;
    slot->pause_ns = gc->pause_total_ns;
    slot->heap_bytes = gc->heap_live == GO_GC_UNKNOWN ? TRACE_UNKNOWN : gc->heap_live;
    __atomic_store_n(&slot->number, number + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&header->collections_written, number + 1, __ATOMIC_RELEASE);
}

uint64_t go_collections_note(struct go_trace *trace, const struct go_target *target,
                             uint64_t cycles)
{
    struct go_gc gc;

    if (!go_gc_look(&target->memory, &target->gc, &gc))
        return cycles;
    if (gc.cycles && gc.cycles != cycles)
        write(trace, &gc);
    return gc.cycles;
}

uint64_t go_collections_end(const struct go_trace *trace, const struct go_target *target,
                            uint64_t cycles)
{
    struct go_gc gc;

    if (!go_gc_look(&target->memory, &target->gc, &gc) || !gc.cycles || gc.cycles == cycles)
        return 0;
    return end_of(trace, &gc);
}
