#include "trace/reader_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No writer makes larger ones; a limit keeps sums from overflowing. */
#define MOST_FILE_BYTES (UINT64_C(1) << 40)
#define MOST_ENTRY_BYTES 65536u
#define MOST_TYPES 65536u

#define END(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

/*
 * `least` is what an entry had when the version was new, so it ends with the
 * last field of that day, not with the struct of today. FIXED entries are no
 * structs; a region that may lack is all zero then.
 */
static const struct region_rule {
    const char *name;
    size_t offset; /* of the struct trace_region in the header */
    uint32_t least;
    enum shape { GROWS, FIXED, MAY_LACK } shape;
} region_rules[] = {
    {"rules", offsetof(struct trace_header, rules), END(struct trace_rule, reserved), GROWS},
    {"modules", offsetof(struct trace_header, modules), END(struct trace_module, path), GROWS},
    {"stacks", offsetof(struct trace_header, stacks), sizeof(uint64_t), FIXED},
    {"arrays", offsetof(struct trace_header, arrays), END(struct trace_array, table_peak_bytes),
     GROWS},
    {"resizes", offsetof(struct trace_header, resizes), END(struct trace_resize, table_resizes),
     GROWS},
    {"notable", offsetof(struct trace_header, notable), END(struct trace_resize, table_resizes),
     GROWS},
    {"recent", offsetof(struct trace_header, recent), END(struct trace_resize, table_resizes),
     GROWS},
    {"messages", offsetof(struct trace_header, messages), 1, FIXED},
    {"types", offsetof(struct trace_header, types), END(struct trace_type, entries), MAY_LACK},
    {"sites", offsetof(struct trace_header, sites), END(struct trace_site, most_bytes), MAY_LACK},
    {"collections", offsetof(struct trace_header, collections),
     END(struct trace_collection, heap_bytes), MAY_LACK},
};
#define REGIONS (sizeof(region_rules) / sizeof(region_rules[0]))

static const struct trace_region *region_of(const struct trace_header *header, size_t number)
{
    return (const void *)((const char *)header + region_rules[number].offset);
}

static uint64_t region_end(const struct trace_region *region)
{
    return region->offset + (uint64_t)region->entry_bytes * region->capacity;
}

static int by_offset(const void *left, const void *right)
{
    const struct trace_region *a = *(const struct trace_region *const *)left;
    const struct trace_region *b = *(const struct trace_region *const *)right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int check_regions(const struct trace_header *header, char *error, size_t error_bytes)
{
    const struct trace_region *sorted[REGIONS];
    size_t count = 0;
    for (size_t i = 0; i < REGIONS; i++) {
        const struct region_rule *rule = &region_rules[i];
        const struct trace_region *region = region_of(header, i);
        if (rule->shape == MAY_LACK && region->entry_bytes == 0 && region->capacity == 0)
            continue;
        if (region->entry_bytes < rule->least || region->entry_bytes > MOST_ENTRY_BYTES ||
            (rule->shape == FIXED && region->entry_bytes != rule->least)) {
            snprintf(error, error_bytes, "entries of %s have %" PRIu32 " bytes", rule->name,
                     region->entry_bytes);
            return -EBADMSG;
        }
        if (region->offset < header->header_bytes || region->offset > header->file_bytes ||
            region_end(region) > header->file_bytes) {
            snprintf(error, error_bytes, "region %s lies outside the file", rule->name);
            return -EBADMSG;
        }
        if (region->capacity)
            sorted[count++] = region;
    }
    qsort(sorted, count, sizeof(sorted[0]), by_offset);
    for (size_t i = 1; i < count; i++)
        if (region_end(sorted[i - 1]) > sorted[i]->offset) {
            snprintf(error, error_bytes, "regions overlap");
            return -EBADMSG;
        }
    return 0;
}

int layout_check_counts(const struct trace_header *header, char *error, size_t error_bytes)
{
    const struct {
        const char *name;
        uint64_t used, capacity;
    } counts[] = {
        {"rules", header->rules_used, header->rules.capacity},
        {"rules", header->rules_used, LAYOUT_MOST_RULES},
        {"modules", header->modules_used, header->modules.capacity},
        {"modules", header->modules_used, TRACE_NO_MODULE},
        {"types", header->types_used, header->types.capacity},
        {"types", header->types_used, MOST_TYPES},
        {"sites", header->sites_used, header->sites.capacity},
        {"sites", header->sites_used, MOST_TYPES},
        {"words of stacks", header->stack_words_used, header->stacks.capacity},
        {"bytes of messages", header->message_bytes, header->messages.capacity},
        {"bytes of the command", header->command_bytes, TRACE_COMMAND_BYTES},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i].used > counts[i].capacity) {
            snprintf(error, error_bytes, "it says %" PRIu64 " %s where %" PRIu64 " fit",
                     counts[i].used, counts[i].name, counts[i].capacity);
            return -EBADMSG;
        }
    return 0;
}

int layout_check(const struct trace_header *header, char *error, size_t error_bytes)
{
    if (memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)) != 0) {
        snprintf(error, error_bytes, "not a maptrace trace");
        return -EBADMSG;
    }
    if (header->version != TRACE_VERSION) {
        snprintf(error, error_bytes,
                 "its format has version %" PRIu32 "; this maptrace-report reads version %u",
                 header->version, TRACE_VERSION);
        return -EPROTONOSUPPORT;
    }
    int outcome = -EBADMSG;
    if (header->header_bytes < TRACE_HEADER_LEAST || header->file_bytes > MOST_FILE_BYTES ||
        header->header_bytes > header->file_bytes)
        snprintf(error, error_bytes, "a header of %" PRIu32 " bytes in a file of %" PRIu64,
                 header->header_bytes, header->file_bytes);
    else
        outcome = check_regions(header, error, error_bytes);
    if (outcome == 0)
        outcome = layout_check_counts(header, error, error_bytes);
    return outcome;
}
