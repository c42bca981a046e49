/*
 * Builds traces from the format itself, for tests: whatever trace/format.h
 * says, these say. All is in one buffer; fill the header's fields directly.
 */
#ifndef MAPTRACE_TESTDATA_TRACES_BUILDER_H
#define MAPTRACE_TESTDATA_TRACES_BUILDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/format.h"

struct builder {
    char *bytes;
    size_t size;
    struct trace_header *header; /* at the start of bytes */
    uint32_t arrays_used, resizes_used;
};

struct builder_sizes {
    uint32_t rules, modules, stack_words, arrays, resizes, notable, recent, message_bytes;
};

/* Entries of what only runtimes with types and a garbage collector have. */
#define BUILDER_RUNTIME 4

static inline struct trace_region builder_region(uint64_t *at, size_t entry_bytes, uint32_t count)
{
    struct trace_region region = {*at, (uint32_t)entry_bytes, count};
    *at += (entry_bytes * count + 63) & ~UINT64_C(63);
    return region;
}

/* A trace of a process that ran for ten seconds and ended by exit, with nothing in it. */
static inline struct builder builder_new(struct builder_sizes sizes)
{
    struct trace_header header = {.version = TRACE_VERSION,
                                  .header_bytes = sizeof(header),
                                  .pid = 4242,
                                  .parent_pid = 1,
                                  .root_pid = 4242,
                                  .process_start_ticks = 1,
                                  .start_realtime_ns = UINT64_C(1700000000000000000),
                                  .boot_id = "no-such-boot",
                                  .machine = "elsewhere",
                                  .program = "/opt/app/bin/app",
                                  .directory = "/",
                                  .command_bytes = 7,
                                  .command = "app\0-v",
                                  .notable_ns = 1000000,
                                  .end = TRACE_END_EXIT,
                                  .end_ns = UINT64_C(10000000000),
                                  .last_ns = UINT64_C(10000000000),
                                  .stack_words_used = 1};
    uint64_t at = (sizeof(header) + 63) & ~UINT64_C(63);
    memcpy(header.magic, TRACE_MAGIC, sizeof(header.magic));
    header.rules = builder_region(&at, sizeof(struct trace_rule), sizes.rules);
    header.modules = builder_region(&at, sizeof(struct trace_module), sizes.modules);
    header.stacks = builder_region(&at, sizeof(uint64_t), sizes.stack_words);
    header.arrays = builder_region(&at, sizeof(struct trace_array), sizes.arrays);
    header.resizes = builder_region(&at, sizeof(struct trace_resize), sizes.resizes);
    header.notable = builder_region(&at, sizeof(struct trace_resize), sizes.notable);
    header.recent = builder_region(&at, sizeof(struct trace_resize), sizes.recent);
    header.messages = builder_region(&at, 1, sizes.message_bytes);
    header.types = builder_region(&at, sizeof(struct trace_type), BUILDER_RUNTIME);
    header.sites = builder_region(&at, sizeof(struct trace_site), BUILDER_RUNTIME);
    header.collections = builder_region(&at, sizeof(struct trace_collection), BUILDER_RUNTIME);
    header.file_bytes = at;
    struct builder builder = {.bytes = (char *)calloc(1, at), .size = at};
    if (!builder.bytes)
        abort();
    memcpy(builder.bytes, &header, sizeof(header));
    builder.header = (struct trace_header *)builder.bytes;
    return builder;
}

/* Room for what small tests need. */
static inline struct builder builder_small(void)
{
    return builder_new((struct builder_sizes){4, 4, 64, 16, 16, 8, 8, 256});
}

static inline void builder_free(struct builder *builder)
{
    free(builder->bytes);
    *builder = (struct builder){0};
}

static inline void *builder_entry(struct builder *builder, const struct trace_region *region,
                                  uint64_t index)
{
    if (index >= region->capacity)
        abort();
    return builder->bytes + region->offset + index * region->entry_bytes;
}

/* The type's id, as resizes and arrays have it. */
static inline uint32_t builder_type(struct builder *builder, const char *name)
{
    struct trace_header *header = builder->header;
    struct trace_type *type =
        (struct trace_type *)builder_entry(builder, &header->types, header->types_used++);
    snprintf(type->name, sizeof(type->name), "%s", name);
    type->entry_bytes = 144;
    type->entries = 8;
    return header->types_used;
}

static inline struct trace_site *builder_site(struct builder *builder, uint32_t type,
                                              uint32_t stack)
{
    struct trace_header *header = builder->header;
    struct trace_site *site =
        (struct trace_site *)builder_entry(builder, &header->sites, header->sites_used++);
    site->type = type;
    site->stack = stack;
    return site;
}

static inline void builder_collection(struct builder *builder, uint64_t at_ns, uint64_t cycles)
{
    struct trace_header *header = builder->header;
    uint64_t number = header->collections_written++;
    struct trace_collection *collection = (struct trace_collection *)builder_entry(
        builder, &header->collections, number % header->collections.capacity);
    *collection = (struct trace_collection){number + 1, at_ns, cycles, cycles * 1000, 1 << 20};
}

static inline struct trace_rule *builder_rule(struct builder *builder, const char *name,
                                              enum trace_rule_kind kind,
                                              enum trace_rule_status status)
{
    struct trace_header *header = builder->header;
    struct trace_rule *rule =
        (struct trace_rule *)builder_entry(builder, &header->rules, header->rules_used++);
    snprintf(rule->name, sizeof(rule->name), "%s", name);
    snprintf(rule->about, sizeof(rule->about), "about %s", name);
    rule->kind = (uint8_t)kind;
    rule->status = (uint8_t)status;
    rule->symbols = status >= TRACE_RULE_IDLE;
    return rule;
}

static inline uint32_t builder_module(struct builder *builder, const char *path,
                                      const uint8_t *build_id, uint32_t build_id_bytes)
{
    struct trace_header *header = builder->header;
    uint32_t index = header->modules_used++;
    struct trace_module *module =
        (struct trace_module *)builder_entry(builder, &header->modules, index);
    module->low = 0x10000000u * (index + 1);
    module->high = module->low + 0x1000000;
    module->bias = module->low;
    snprintf(module->path, sizeof(module->path), "%s", path);
    if (build_id_bytes)
        memcpy(module->build_id, build_id, build_id_bytes);
    module->build_id_bytes = build_id_bytes;
    return index;
}

static inline uint64_t builder_frame(uint32_t module, uint64_t address)
{
    return (uint64_t)module << 48 | address;
}

static inline uint32_t builder_stack(struct builder *builder, const uint64_t *frames,
                                     uint32_t count)
{
    struct trace_header *header = builder->header;
    uint32_t id = header->stack_words_used;
    header->stack_words_used += count + 1;
    *(uint64_t *)builder_entry(builder, &header->stacks, id) = count;
    for (uint32_t i = 0; i < count; i++)
        *(uint64_t *)builder_entry(builder, &header->stacks, id + 1 + i) = frames[i];
    return id;
}

static inline struct trace_array *builder_array(struct builder *builder, uint64_t address,
                                                uint64_t bytes, uint64_t table_id)
{
    struct trace_header *header = builder->header;
    struct trace_array *array =
        (struct trace_array *)builder_entry(builder, &header->arrays, builder->arrays_used++);
    *array = (struct trace_array){.sequence = 2,
                                  .state = TRACE_SLOT_USED,
                                  .address = address,
                                  .bytes = bytes,
                                  .table_id = table_id,
                                  .table = table_id << 12,
                                  .holder = (table_id << 12) + 8,
                                  .table_peak_bytes = bytes};
    header->arrays_seen++;
    return array;
}

static inline struct trace_resize builder_resize_of(uint64_t number, uint64_t replaced_ns)
{
    return (struct trace_resize){.sequence = 2,
                                 .state = TRACE_SLOT_USED,
                                 .table_id = number,
                                 .table = number << 12,
                                 .holder = (number << 12) + 8,
                                 .old_address = 0x7f0000000000 + (number << 16),
                                 .old_bytes = 4096,
                                 .new_address = 0x7f0000008000 + (number << 16),
                                 .new_bytes = 8192,
                                 .replaced_ns = replaced_ns,
                                 .moved = TRACE_UNKNOWN,
                                 .of = TRACE_UNKNOWN,
                                 .progress_ns = replaced_ns,
                                 .table_resizes = 1};
}

/* A resize of table NUMBER that began at REPLACED_NS and whose old array lives. */
static inline struct trace_resize *builder_open(struct builder *builder, uint64_t number,
                                                uint64_t replaced_ns)
{
    struct trace_header *header = builder->header;
    struct trace_resize *resize =
        (struct trace_resize *)builder_entry(builder, &header->resizes, builder->resizes_used++);
    *resize = builder_resize_of(number, replaced_ns);
    header->resizes_seen++;
    return resize;
}

/* The same, released at RELEASED_NS; into the ring REGION, of which WRITTEN counts. */
static inline struct trace_resize *builder_finished(struct builder *builder,
                                                    const struct trace_region *region,
                                                    uint64_t *written, uint64_t number,
                                                    uint64_t replaced_ns, uint64_t released_ns)
{
    struct trace_resize *resize =
        (struct trace_resize *)builder_entry(builder, region, *written % region->capacity);
    *resize = builder_resize_of(number, replaced_ns);
    resize->number = ++*written;
    resize->released_ns = released_ns;
    resize->flags = TRACE_RESIZE_RELEASED;
    builder->header->resizes_seen++;
    return resize;
}

static inline struct trace_resize *builder_notable(struct builder *builder, uint64_t number,
                                                   uint64_t replaced_ns, uint64_t released_ns)
{
    struct trace_header *header = builder->header;
    return builder_finished(builder, &header->notable, &header->notable_written, number,
                            replaced_ns, released_ns);
}

static inline struct trace_resize *builder_recent(struct builder *builder, uint64_t number,
                                                  uint64_t replaced_ns, uint64_t released_ns)
{
    struct trace_header *header = builder->header;
    return builder_finished(builder, &header->recent, &header->recent_written, number, replaced_ns,
                            released_ns);
}

static inline void builder_end_of_resize(struct trace_resize *resize, uint64_t end_ns)
{
    resize->resize_end_ns = end_ns;
    resize->flags |= TRACE_RESIZE_END_SEEN;
}

static inline void builder_message(struct builder *builder, const char *line)
{
    struct trace_header *header = builder->header;
    size_t length = strlen(line);
    memcpy(builder_entry(builder, &header->messages, header->message_bytes + length), "\n", 1);
    memcpy(builder_entry(builder, &header->messages, header->message_bytes), line, length);
    header->message_bytes += (uint32_t)length + 1;
}

/* Writes the first BYTES to PATH; aborts if that fails. */
static inline void builder_write(const struct builder *builder, const char *path, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(builder->bytes, 1, bytes, file) != bytes || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

#endif
