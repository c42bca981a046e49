#include "golang/books_parts.h"
#include "golang/open_maps.h"

void books_add_live(struct go_books *books, uint64_t bytes)
{
    struct trace_header *header = books_header(books);

    header->arrays_seen++;
    books->record->arrays++;
    header->live_arrays++;
    header->live_array_bytes += bytes;
    if (header->live_array_bytes > header->peak_array_bytes)
        header->peak_array_bytes = header->live_array_bytes;
}

void books_take_live(struct go_books *books, uint64_t bytes)
{
    books_header(books)->live_arrays--;
    books_header(books)->live_array_bytes -= bytes;
}

void go_books_forget(struct go_books *books, uint32_t index)
{
    struct go_map *map = &books->maps[index];

    books_take_live(books, map->array.bytes);
    address_index_drop(&books->by_array, map->array.address, index);
    map->used = false;
    books_map_changed(books, index);
}

/* True if the map that was at OTHER's header left it before MAP took its place. */
static bool is_later(const struct go_map *map, const struct go_map *other)
{
    return map->array.born_ns >= other->array.born_ns;
}

void go_books_forget_twins(struct go_books *books)
{
    struct address_index by_table;

    if (address_index_make(&by_table) != 0)
        return;
    for (uint32_t i = 0; i < books->maps_used; i++) {
        uint32_t there = address_index_get(&by_table, books->maps[i].table), gone = i;

        if (!books->maps[i].used)
            continue;
        if (there == ADDRESS_INDEX_NONE || is_later(&books->maps[i], &books->maps[there])) {
            address_index_put(&by_table, books->maps[i].table, i);
            gone = there;
        }
        if (gone != ADDRESS_INDEX_NONE && books->maps[gone].open == GO_NONE)
            go_books_forget(books, gone);
    }
    address_index_free(&by_table);
}

void go_books_counted(struct go_books *books, uint32_t index, uint64_t entries)
{
    struct go_map *map = &books->maps[index];

    map->misses = 0;
    if (map->array.entries == entries && map->array.flags & TRACE_ARRAY_COUNTED)
        return;
    map->array.entries = entries;
    map->array.flags |= TRACE_ARRAY_COUNTED;
    books_map_changed(books, index);
}

/* A map can be forgotten: all that is lost is what it was before. */
static void make_place(struct go_books *books)
{
    for (uint32_t tries = 0; tries < books->map_room; tries++) {
        uint32_t index = books->hand++ % books->map_room;
        if (books->maps[index].used && books->maps[index].open == GO_NONE) {
            go_books_forget(books, index);
            break;
        }
    }
    go_books_write(books);
}

uint32_t books_new_map(struct go_books *books, const struct go_event *event, uint32_t type,
                       uint32_t bucket_bytes)
{
    if (books->free_maps == GO_NONE && books->maps_used == books->map_room)
        make_place(books);
    uint32_t index = books->free_maps;
    if (index != GO_NONE)
        books->free_maps = books->maps[index].next;
    else if (books->maps_used < books->map_room)
        index = books->maps_used++;
    else
        return GO_NONE;
    books->maps[index] = (struct go_map){
        .array = {.state = TRACE_SLOT_USED,
                  .rule = books->trace->rule,
                  .address = event->buckets,
                  .bytes = go_array_bytes(event->log2, bucket_bytes),
                  .table_id = ++books->last_table_id,
                  .table = event->hmap,
                  .type = type},
        .table = event->hmap,
        .maptype = event->maptype,
        .routine = event->goroutine,
        .bucket_bytes = bucket_bytes,
        .open = GO_NONE,
        .log2 = event->log2,
        .used = true,
    };
    books_header(books)->tables++;
    books_add_live(books, books->maps[index].array.bytes);
    return index;
}

/*
 * The map whose array is about to become old. An address can have been freed and used again for
 * another map's array, so all that is known must fit.
 */
uint32_t books_map_of(struct go_books *books, const struct go_event *event, uint64_t now)
{
    uint32_t index = address_index_get(&books->by_array, event->buckets);
    const struct go_map *map = index == ADDRESS_INDEX_NONE ? NULL : &books->maps[index];

    if (!map)
        return GO_NONE;
    if (map->maptype == event->maptype && map->log2 == event->log2 &&
        (map->table == event->hmap || map->routine == event->goroutine))
        return index;
    if (map->open == GO_NONE)
        go_books_forget(books, index);
    else
        go_books_collected(books, map->open, now);
    return GO_NONE;
}
