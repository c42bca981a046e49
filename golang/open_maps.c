#include "golang/open_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golang/hmap.h"

enum {
    CHUNK = 1 << 20,
    LOG2_MOST = 40,
    TOPHASH_LEAST = 5,
    LOOKS_MOST = 1 << 16, /* buckets of one array that are looked at */
    PART = 256,           /* of them, when only a part is */
    BUFFER = 8192,        /* has room for some: a bucket has 2 KiB at most */
    ENTRIES_MOST = 64,    /* entries that a type is held against */
};

struct search {
    const struct memory *memory;
    const struct go_types *types;
    struct go_open_maps *maps;
    size_t room;
};

static bool in_heap(const struct memory *memory, uint64_t address)
{
    const struct mapping *mapping = memory_at(memory, address);

    return mapping && mapping->writable && !mapping->file;
}

/* --- arrays ------------------------------------------------------------------ */

enum marks { MARKS_MOVED, MARKS_LIVE, MARKS_NONSENSE };

/* A bucket is moved as a whole, so all of its marks say so or none. */
static enum marks marks_of(const unsigned char *bucket)
{
    unsigned moved = 0;

    for (int i = 0; i < GO_SLOTS; i++)
        moved += bucket[i] >= GO_MARK_EVACUATED_FIRST && bucket[i] <= GO_MARK_EVACUATED_LAST;
    return moved == GO_SLOTS ? MARKS_MOVED : moved == 0 ? MARKS_LIVE : MARKS_NONSENSE;
}

/* Buckets FROM to TO of an array; true if they are what LOOKS allows. */
struct stretch {
    uint64_t array, from, to;
    uint32_t bucket_bytes;
};

static bool all_marked(const struct memory *memory, struct stretch stretch, bool may_move,
                       bool may_live)
{
    unsigned char buffer[BUFFER]; /* the library's thread has a small stack */
    uint64_t most = sizeof buffer / stretch.bucket_bytes, at = stretch.from;

    while (at < stretch.to) {
        uint64_t count = stretch.to - at < most ? stretch.to - at : most;

        if (!memory_read(memory, stretch.array + at * stretch.bucket_bytes, buffer,
                         count * stretch.bucket_bytes))
            return false;
        for (uint64_t i = 0; i < count; i++) {
            enum marks marks = marks_of(buffer + i * stretch.bucket_bytes);
            if (marks == MARKS_NONSENSE || (marks == MARKS_MOVED && !may_move) ||
                (marks == MARKS_LIVE && !may_live))
                return false;
        }
        at += count;
    }
    return true;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* True if both arrays look as they would with buckets of this size. */
static bool size_fits(const struct memory *memory, const struct go_open_map *map, uint32_t bytes)
{
    uint64_t made = (uint64_t)1 << map->log2_buckets;
    struct stretch moved = {map->old_array, 0, smaller(map->moved, LOOKS_MOST), bytes};
    struct stretch rest = {map->old_array, map->moved, smaller(map->of, map->moved + LOOKS_MOST),
                           bytes};
    struct stretch new = {map->new_array, 0, smaller(made, LOOKS_MOST), bytes};

    return all_marked(memory, moved, true, false) && all_marked(memory, rest, true, true) &&
           all_marked(memory, new, false, true);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool go_open_map_fits(const struct memory *memory, const struct go_open_map *map, uint64_t part)
{
    uint64_t made = (uint64_t)1 << map->log2_buckets, bytes = map->bucket_bytes;
    uint64_t old = (part * PART) % map->of, old_end = smaller(map->of, old + PART);
    uint64_t new = (part * PART) % made, new_end = smaller(made, new + PART);

    if (bytes > BUFFER)
        return true; /* none of Go's: nothing is known of it */
    return all_marked(memory,
                      (struct stretch){map->old_array, old, smaller(old_end, map->moved), bytes},
                      true, false) &&
           all_marked(memory,
                      (struct stretch){map->old_array, larger(old, map->moved), old_end, bytes},
                      true, true) &&
           all_marked(memory, (struct stretch){map->new_array, new, new_end, bytes}, false, true);
}

/* --- types ------------------------------------------------------------------- */

/* Every word that is to be a pointer leads into memory that is there, or is nil. */
static bool points_somewhere(const struct memory *memory, const unsigned char *at, uint32_t words)
{
    uint64_t pointer;

    for (; words; words >>= 1, at += 8) {
        if (!(words & 1))
            continue;
        memcpy(&pointer, at, sizeof pointer);
        if (pointer && !memory_at(memory, pointer))
            return false;
    }
    return true;
}

static bool is_text(const struct memory *memory, const unsigned char *at)
{
    uint64_t words[2];

    memcpy(words, at, sizeof words);
    return words[1] == 0 ||
           (words[1] < (uint64_t)1 << 40 && words[0] && memory_at(memory, words[0]));
}

static bool entry_fits(const struct memory *memory, const struct go_map_type *type,
                       const unsigned char *bucket, int slot)
{
    const unsigned char *key = bucket + GO_SLOTS + slot * type->key_bytes;
    const unsigned char *value =
        bucket + GO_SLOTS + GO_SLOTS * type->key_bytes + slot * type->value_bytes;

    return (!type->key_text || is_text(memory, key)) &&
           points_somewhere(memory, key, type->key_pointers) &&
           (!type->value_text || is_text(memory, value)) &&
           points_somewhere(memory, value, type->value_pointers);
}

/* Holds TYPE against some entries of the new array. */
static bool type_fits(const struct memory *memory, const struct go_open_map *map,
                      const struct go_map_type *type)
{
    unsigned char *bucket = malloc(type->bucket_bytes);
    uint64_t made = (uint64_t)1 << map->log2_buckets;
    bool fits = bucket != NULL;
    int seen = 0;

    for (uint64_t i = 0; fits && i < made && seen < ENTRIES_MOST; i++) {
        if (!memory_read(memory, map->new_array + i * type->bucket_bytes, bucket,
                         type->bucket_bytes))
            break;
        for (int slot = 0; slot < GO_SLOTS && fits; slot++)
            if (bucket[slot] >= TOPHASH_LEAST && ++seen)
                fits = entry_fits(memory, type, bucket, slot);
    }
    free(bucket);
    return fits;
}

/* Since Go 1.22 objects of medium size with pointers begin with a word that names their type. */
static const struct go_map_type *noted_type(const struct search *search, uint64_t array)
{
    uint64_t note;

    if (memory_read(search->memory, array - 8, &note, sizeof note))
        for (size_t i = 0; i < search->types->count; i++)
            if (search->types->items[i].bucket == note)
                return &search->types->items[i];
    return NULL;
}

static void choose_type(const struct search *search, struct go_open_map *map)
{
    const struct go_types *types = search->types;
    const struct go_map_type *noted = noted_type(search, map->old_array);

    map->certainty = GO_TYPE_UNKNOWN;
    if (noted && size_fits(search->memory, map, noted->bucket_bytes)) {
        map->certainty = GO_TYPE_EXACT;
        map->type = noted;
        map->bucket_bytes = noted->bucket_bytes;
        map->types_fitting = 1;
        return;
    }
    uint32_t fitting = 0, failed = 0; /* the last sizes that were tried */
    for (size_t i = 0; i < types->count; i++) {
        const struct go_map_type *type = &types->items[i];
        if (type->bucket_bytes == failed)
            continue;
        if (type->bucket_bytes != fitting && !size_fits(search->memory, map, type->bucket_bytes)) {
            failed = type->bucket_bytes;
            continue;
        }
        fitting = type->bucket_bytes;
        if (!type_fits(search->memory, map, type))
            continue;
        map->bucket_bytes = map->types_fitting++ == 0 || map->bucket_bytes == fitting ? fitting : 0;
        map->type = type;
    }
    if (map->types_fitting == 1)
        map->certainty = GO_TYPE_INFERRED;
}

/* --- the search --------------------------------------------------------------- */

static bool header_fits(const struct go_hmap *hmap)
{
    bool same_size = hmap->flags & GO_SAME_SIZE;

    return hmap->flags < 2 * GO_SAME_SIZE && hmap->log2_buckets <= LOG2_MOST &&
           (same_size || hmap->log2_buckets > 0) && hmap->buckets && hmap->oldbuckets &&
           hmap->buckets != hmap->oldbuckets && hmap->nevacuate > 0 &&
           hmap->nevacuate < (uint64_t)1 << (hmap->log2_buckets - !same_size) &&
           (hmap->buckets & 7) == 0 && (hmap->oldbuckets & 7) == 0 && hmap->count > 0 &&
           hmap->count >> 6 < (uint64_t)1 << hmap->log2_buckets;
}

static struct go_open_map *known(struct go_open_maps *maps, const struct go_hmap *hmap)
{
    for (size_t i = 0; i < maps->count; i++)
        if (maps->items[i].old_array == hmap->oldbuckets)
            return &maps->items[i];
    return NULL;
}

static int consider(struct search *search, uint64_t address, const struct go_hmap *hmap)
{
    struct go_open_maps *maps = search->maps;
    unsigned char first[GO_SLOTS];

    if (!in_heap(search->memory, hmap->oldbuckets) || !in_heap(search->memory, hmap->buckets) ||
        !memory_read(search->memory, hmap->oldbuckets, first, sizeof first) ||
        marks_of(first) != MARKS_MOVED)
        return 0;
    bool same_size = hmap->flags & GO_SAME_SIZE;
    struct go_open_map map = {
        .address = address,
        .count = hmap->count,
        .old_array = hmap->oldbuckets,
        .new_array = hmap->buckets,
        .moved = hmap->nevacuate,
        .of = (uint64_t)1 << (hmap->log2_buckets - !same_size),
        .overflow = hmap->overflow,
        .log2_buckets = hmap->log2_buckets,
        .same_size = same_size,
    };
    struct go_open_map *twin = known(maps, hmap);
    if (twin) {
        /* The one that got further is the one in use. */
        twin->copies++;
        if (map.moved > twin->moved) {
            twin->address = map.address;
            twin->moved = map.moved;
            twin->count = map.count;
        }
        return 0;
    }
    choose_type(search, &map);
    if (!map.types_fitting)
        return 0;
    if (maps->count == search->room) {
        size_t room = search->room ? 2 * search->room : 64;
        struct go_open_map *more = reallocarray(maps->items, room, sizeof *more);
        if (!more)
            return -ENOMEM;
        maps->items = more;
        search->room = room;
    }
    maps->items[maps->count++] = map;
    return 0;
}

static int search_mapping(struct search *search, const struct mapping *mapping, char *chunk)
{
    struct go_hmap hmap;
    int error = 0;

    for (uint64_t at = mapping->low; at < mapping->high && !error; at += CHUNK - sizeof hmap) {
        size_t bytes = smaller(mapping->high - at, CHUNK);
        if (!memory_read(search->memory, at, chunk, bytes))
            break;
        search->maps->searched_bytes += bytes;
        /* The overlap belongs to the next stretch. */
        for (size_t i = 0; i + sizeof hmap <= bytes && !error; i += 8) {
            memcpy(&hmap, chunk + i, sizeof hmap);
            if (header_fits(&hmap) && (bytes < CHUNK || i < CHUNK - sizeof hmap))
                error = consider(search, at + i, &hmap);
        }
        if (bytes < CHUNK)
            break;
    }
    return error;
}

static int by_size(const void *left, const void *right)
{
    const struct go_open_map *a = left, *b = right;
    uint64_t a_bytes = a->of * a->bucket_bytes, b_bytes = b->of * b->bucket_bytes;

    if (a_bytes != b_bytes)
        return a_bytes > b_bytes ? -1 : 1;
    return a->address < b->address ? -1 : a->address > b->address;
}

int go_open_maps_find(const struct memory *memory, const struct go_types *types,
                      struct go_open_maps *maps)
{
    struct search search = {.memory = memory, .types = types, .maps = maps};
    char *chunk = malloc(CHUNK);
    int error = chunk ? 0 : -ENOMEM;

    *maps = (struct go_open_maps){0};
    for (size_t i = 0; i < memory->count && !error; i++)
        if (memory->mappings[i].readable && memory->mappings[i].writable &&
            !memory->mappings[i].file)
            error = search_mapping(&search, &memory->mappings[i], chunk);
    free(chunk);
    if (error)
        go_open_maps_free(maps);
    else if (maps->count)
        qsort(maps->items, maps->count, sizeof *maps->items, by_size);
    return error;
}

void go_open_maps_free(struct go_open_maps *maps)
{
    free(maps->items);
    *maps = (struct go_open_maps){0};
}
