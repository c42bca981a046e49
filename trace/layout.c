#include "trace/layout.h"

#include <stddef.h>

#define RULES_MOST 256u
#define MODULES_MOST 1024u
#define MESSAGE_BYTES 8192u
#define TYPES_MOST 4096u
#define SITES_MOST 4096u
#define COLLECTIONS_MOST 16384u
#define IN_A_ROW 8u /* in the header; the others follow one by one */

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

_Static_assert(offsetof(struct trace_header, messages) - offsetof(struct trace_header, rules) ==
                   (IN_A_ROW - 1) * sizeof(struct trace_region),
               "regions stand in a row");

uint64_t layout_place(struct trace_header *header, uint64_t ring, enum layout_of what)
{
    uint64_t arrays = at_least(ring / 256, 16384) * (what == LAYOUT_OF_BOTH ? 2 : 1);
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
    at = place(&header->messages, at, 1, MESSAGE_BYTES);
    if (what == LAYOUT_OF_TABLES)
        return at;
    at = place(&header->types, at, sizeof(struct trace_type), TYPES_MOST);
    at = place(&header->sites, at, sizeof(struct trace_site), SITES_MOST);
    return place(&header->collections, at, sizeof(struct trace_collection), COLLECTIONS_MOST);
}

struct trace_region *layout_region(struct trace_header *header, unsigned index)
{
    struct trace_region *last[] = {&header->types, &header->sites, &header->collections};

    return index < IN_A_ROW ? &header->rules + index : last[index - IN_A_ROW];
}

unsigned layout_index(const struct trace_header *header, const struct trace_region *region)
{
    if (region == &header->types)
        return IN_A_ROW;
    if (region == &header->sites)
        return IN_A_ROW + 1;
    if (region == &header->collections)
        return IN_A_ROW + 2;
    return (unsigned)(region - &header->rules);
}

uint64_t layout_bytes(const struct trace_region *region)
{
    return to_page((uint64_t)region->entry_bytes * region->capacity);
}
