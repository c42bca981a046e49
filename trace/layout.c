#include "trace/layout.h"

#include <stddef.h>

#define RULES_MOST 256u
#define MODULES_MOST 1024u
#define MESSAGE_BYTES 8192u

static uint64_t to_page(uint64_t at)
{
    return (at + LAYOUT_PAGE - 1) & ~(LAYOUT_PAGE - 1);
}

static uint64_t place(struct trace_region *region, uint64_t at, size_t bytes, uint64_t capacity)
{
    *region = (struct trace_region){at, (uint32_t)bytes, (uint32_t)capacity};
    return to_page(at + bytes * capacity);
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

uint64_t layout_place(struct trace_header *header, uint64_t ring)
{
    uint64_t arrays = at_least(ring / 256, 16384);
    uint64_t at = to_page(sizeof *header);

    if (arrays > 1 << 20)
        arrays = 1 << 20;
    at = place(&header->rules, at, sizeof(struct trace_rule), RULES_MOST);
    at = place(&header->modules, at, sizeof(struct trace_module), MODULES_MOST);
    at = place(&header->stacks, at, sizeof(uint64_t), at_least(ring / 64, 65536));
    at = place(&header->arrays, at, sizeof(struct trace_array), arrays);
    at = place(&header->resizes, at, sizeof(struct trace_resize), arrays / 4);
    at = place(&header->notable, at, sizeof(struct trace_resize),
               at_least(ring / 4 / sizeof(struct trace_resize), 16));
    at = place(&header->recent, at, sizeof(struct trace_resize),
               at_least(ring / 4 * 3 / sizeof(struct trace_resize), 16));
    return place(&header->messages, at, 1, MESSAGE_BYTES);
}
