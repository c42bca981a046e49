#include "golang/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* internal/abi: offsets in a type descriptor, and kinds. */
enum {
    TYPE_POINTER_BYTES = 8, /* up to the last pointer */
    TYPE_FLAGS = 20,
    TYPE_KIND = 23,
    TYPE_POINTERS = 32, /* where their bits stand, one a word */
    TYPE_NAME = 40,
    TYPE_BYTES = 48,
    MAP_KEY = 0x30,
    MAP_VALUE = 0x38,
    MAP_BUCKET = 0x40,
    MAP_KEY_BYTES = 0x50,
    MAP_VALUE_BYTES = 0x51,
    MAP_BUCKET_BYTES = 0x52,
    MAP_FLAGS = 0x54,
    MAP_BYTES = 0x58,
    EXTRA_STAR = 2,   /* of TYPE_FLAGS: the name begins with a * that is not its own */
    INDIRECT_KEY = 1, /* of MAP_FLAGS */
    INDIRECT_VALUE = 2,
    KIND_MASK = 31,
    KIND_MAP = 21,
    KIND_STRING = 24,
    KIND_PROGRAM = 64, /* the bits are a program, which no slot's are: slots are small */
    SLOT_MOST = 128,   /* bytes; what is larger is pointed to */
    BUCKET_MOST = 8 + 16 * SLOT_MOST + 8,
    TYPES_MOST = 256 << 20,
};

struct text {
    const struct memory *memory;
    const unsigned char *bytes;
    uint64_t low;
    size_t count;
};

static uint64_t word(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t half(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* The descriptor at ADDRESS, with at least BYTES; NULL if it is not among these. */
static const unsigned char *descriptor(const struct text *text, uint64_t address, size_t bytes)
{
    uint64_t at = address - text->low;

    return address >= text->low && at < text->count && text->count - at >= bytes ? text->bytes + at
                                                                                 : NULL;
}

/* A name: a byte of flags, its length in sevens of bits, the text. To be freed. */
static char *name_of(const struct text *text, const unsigned char *type)
{
    size_t at = half(type + TYPE_NAME), length = 0;
    unsigned shift = 0;

    do {
        if (++at >= text->count || shift > 21)
            return NULL;
        length |= (size_t)(text->bytes[at] & 127) << shift;
        shift += 7;
    } while (text->bytes[at] & 128);
    at++;
    if (length > text->count || at > text->count - length)
        return NULL;
    if (type[TYPE_FLAGS] & EXTRA_STAR && length && text->bytes[at] == '*') {
        at++;
        length--;
    }
    return strndup((const char *)text->bytes + at, length);
}

/* Which words of a slot of TYPE are pointers; 0 where that is not known. */
static uint32_t pointers_of(const struct text *text, const unsigned char *type)
{
    uint64_t bytes = word(type + TYPE_POINTER_BYTES);
    uint32_t bits = 0;

    if (bytes == 0 || bytes > SLOT_MOST || type[TYPE_KIND] & KIND_PROGRAM)
        return 0;
    /* Not always beside the types: in a position-independent program they are elsewhere. */
    if (!memory_read(text->memory, word(type + TYPE_POINTERS), &bits, (bytes / 8 + 7) / 8))
        return 0;
    return bits;
}

static bool read_type(const struct text *text, const unsigned char *at, struct go_map_type *type)
{
    if ((at[TYPE_KIND] & KIND_MASK) != KIND_MAP || word(at) != 8 || word(at + 8) != 8)
        return false;
    const unsigned char *key = descriptor(text, word(at + MAP_KEY), TYPE_BYTES);
    const unsigned char *value = descriptor(text, word(at + MAP_VALUE), TYPE_BYTES);
    const unsigned char *bucket = descriptor(text, word(at + MAP_BUCKET), 8);
    if (!key || !value || !bucket)
        return false;
    *type = (struct go_map_type){
        .address = text->low + (uint64_t)(at - text->bytes),
        .bucket = word(at + MAP_BUCKET),
        .bucket_bytes = (uint16_t)(at[MAP_BUCKET_BYTES] | at[MAP_BUCKET_BYTES + 1] << 8),
        .key_bytes = at[MAP_KEY_BYTES],
        .value_bytes = at[MAP_VALUE_BYTES],
    };
    if (word(bucket) != type->bucket_bytes || type->bucket_bytes > BUCKET_MOST ||
        type->bucket_bytes < 8 + 8 * (type->key_bytes + type->value_bytes) + 8)
        return false;
    uint32_t flags = half(at + MAP_FLAGS);
    type->key_text = (key[TYPE_KIND] & KIND_MASK) == KIND_STRING;
    type->value_text = (value[TYPE_KIND] & KIND_MASK) == KIND_STRING;
    type->key_pointers = flags & INDIRECT_KEY ? 1 : pointers_of(text, key);
    type->value_pointers = flags & INDIRECT_VALUE ? 1 : pointers_of(text, value);
    type->name = name_of(text, at);
    if (type->name && strncmp(type->name, "map[", 4) == 0)
        return true;
    free(type->name);
    return false;
}

static int collect(const struct text *text, struct go_types *types)
{
    struct go_map_type type;

    for (size_t at = 0; at + MAP_BYTES <= text->count; at += 8) {
        if (!read_type(text, text->bytes + at, &type))
            continue;
        struct go_map_type *more = reallocarray(types->items, types->count + 1, sizeof *more);
        if (!more) {
            free(type.name);
            return -ENOMEM;
        }
        types->items = more;
        more[types->count++] = type;
    }
    return 0;
}

int go_types_read(const struct memory *memory, const struct go_program *program,
                  struct go_types *types)
{
    size_t bytes = program->types_end - program->types;
    struct memory_loan loan;

    *types = (struct go_types){0};
    if (bytes > TYPES_MOST || !memory_borrow(memory, program->types, bytes, &loan))
        return -EFAULT;
    struct text text = {memory, loan.bytes, program->types, bytes};
    int error = collect(&text, types);
    memory_give_back(&loan);
    if (error)
        go_types_free(types);
    return error;
}

void go_types_free(struct go_types *types)
{
    for (size_t i = 0; i < types->count; i++)
        free(types->items[i].name);
    free(types->items);
    *types = (struct go_types){0};
}
