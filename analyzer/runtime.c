#include "analyzer/runtime.h"

#include <string.h>

const char *runtime_type(const struct trace *trace, const struct trace_resize *resize)
{
    const struct trace_type *type = trace_type(trace, resize->type);
    return type ? type->name : NULL;
}

/* The last collection that had ended at TIME; NULL: none that is in the trace. */
static const struct trace_collection *last_before(const struct trace *trace, uint64_t time)
{
    size_t low = 0, high = trace->collection_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trace->collections[middle].at_ns <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &trace->collections[low - 1] : NULL;
}

static uint64_t difference(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

struct runtime_collections runtime_collections(const struct finding *finding)
{
    const struct trace *trace = finding->trace;
    const struct trace_resize *resize = finding->resize;
    bool released = resize->flags & TRACE_RESIZE_RELEASED;
    uint64_t to = released ? resize->released_ns : trace->now_ns;
    uint64_t from = difference(finding->judgement.overstay_ns, to);
    const struct trace_collection *before = last_before(trace, from),
                                  *after = last_before(trace, to);

    if (trace->collection_count == 0 || !trace_type(trace, resize->type))
        return (struct runtime_collections){.heap_bytes = TRACE_UNKNOWN};
    if (!after)
        return (struct runtime_collections){.known = true, .heap_bytes = TRACE_UNKNOWN};
    /* Of those before the first that the trace still has, nothing is counted. */
    uint64_t cycles = before ? before->cycles : trace->collections[0].cycles - 1;
    uint64_t pause = before ? before->pause_ns : 0;
    return (struct runtime_collections){.known = true,
                                        .count = difference(cycles, after->cycles),
                                        .pause_ns = difference(pause, after->pause_ns),
                                        .heap_bytes = after->heap_bytes};
}

static bool is_runtime(const char *function)
{
    return strncmp(function, "runtime.", 8) == 0 || strncmp(function, "reflect.", 8) == 0 ||
           strncmp(function, "internal/runtime/", 17) == 0;
}

const struct named_frame *runtime_caller(struct named_stack stack)
{
    for (size_t i = 0; i < stack.count; i++)
        if (stack.frames[i].function && !is_runtime(stack.frames[i].function))
            return &stack.frames[i];
    return NULL;
}
