#include "golang/type_ids.h"

#include <string.h>

#include "golang/hmap.h"

/* internal/abi.MapType, as in types.c. */
enum { KIND = 23, KIND_MASK = 31, KIND_MAP = 21, BUCKET_BYTES = 0x52, DESCRIPTOR_BYTES = 0x58 };

int go_type_ids_make(struct go_type_ids *ids, struct go_trace *trace, const struct memory *memory,
                     const struct go_types *types)
{
    *ids = (struct go_type_ids){.trace = trace, .memory = memory, .types = types};
    return address_index_make(&ids->ids);
}

void go_type_ids_free(struct go_type_ids *ids)
{
    address_index_free(&ids->ids);
}

static const struct go_map_type *known(const struct go_types *types, uint64_t address)
{
    for (size_t i = 0; i < types->count; i++)
        if (types->items[i].address == address)
            return &types->items[i];
    return NULL;
}

/* Without stdio, which no bare thread may use. */
static void set_name(struct trace_type *type, const char *name)
{
    memcpy(type->name, name, strnlen(name, sizeof type->name - 1));
}

static bool describe(const struct go_type_ids *ids, uint64_t address, struct trace_type *type)
{
    const struct go_map_type *map = known(ids->types, address);
    unsigned char descriptor[DESCRIPTOR_BYTES];
    uint16_t bytes;

    *type = (struct trace_type){.entries = GO_SLOTS};
    if (map) {
        set_name(type, map->name);
        type->entry_bytes = map->bucket_bytes;
        return true;
    }
    if (!memory_read(ids->memory, address, descriptor, sizeof descriptor) ||
        (descriptor[KIND] & KIND_MASK) != KIND_MAP)
        return false;
    memcpy(&bytes, descriptor + BUCKET_BYTES, sizeof bytes);
    set_name(type, "map (its type was made by reflection)");
    type->entry_bytes = bytes;
    return bytes >= GO_SLOTS;
}

static uint32_t add(struct go_type_ids *ids, uint64_t address, const struct trace_type *type)
{
    struct trace_writer *writer = ids->trace->writer;
    struct trace_header *header = writer->header;
    uint32_t index = header->types_used;

    if (index >= header->types.capacity ||
        !writer->room(writer->context, &header->types, (uint64_t)index + 1))
        return 0;
    *(struct trace_type *)trace_entry(writer, &header->types, index) = *type;
    __atomic_store_n(&header->types_used, index + 1, __ATOMIC_RELEASE);
    address_index_put(&ids->ids, address, index);
    return index + 1;
}

uint32_t go_type_id(struct go_type_ids *ids, uint64_t address, uint32_t *bucket_bytes)
{
    struct trace_writer *writer = ids->trace->writer;
    uint32_t index = address_index_get(&ids->ids, address);
    struct trace_type type;

    if (index != ADDRESS_INDEX_NONE) {
        const struct trace_type *there = trace_entry(writer, &writer->header->types, index);
        *bucket_bytes = there->entry_bytes;
        return index + 1;
    }
    *bucket_bytes = 0;
    if (!describe(ids, address, &type))
        return 0;
    *bucket_bytes = type.entry_bytes;
    return add(ids, address, &type);
}
