#include "golang/books_parts.h"

void books_map_changed(struct go_books *books, uint32_t index)
{
    struct go_map *map = &books->maps[index];

    if (map->changed)
        return;
    map->changed = true;
    map->next = books->changed_maps;
    books->changed_maps = index;
}

void books_open_changed(struct go_books *books, uint32_t index)
{
    struct go_open *open = &books->opens[index];

    if (open->changed)
        return;
    open->changed = true;
    open->next = books->changed_opens;
    books->changed_opens = index;
}

void books_free_open(struct go_books *books, uint32_t index)
{
    books->opens[index].next_free = books->free_opens;
    books->free_opens = index;
}

/* The old array of a map's open resize stands behind its present one. */
static void write_map(struct go_books *books, uint32_t index)
{
    struct go_map *map = &books->maps[index];
    struct trace_array old = {0};

    if (map->used && map->open != GO_NONE) {
        const struct trace_resize *record = &books->opens[map->open].record;
        old = map->array;
        old.flags = TRACE_ARRAY_OLD;
        old.address = record->old_address;
        old.bytes = record->old_bytes;
        old.born_ns = record->old_born_ns;
        old.holder = map->table + offsetof(struct go_hmap, oldbuckets);
        old.table_resizes--;
        old.replaced_bytes -= record->old_bytes;
        old.table_peak_bytes = record->old_bytes;
    }
    map->array.state = map->used ? TRACE_SLOT_USED : TRACE_SLOT_FREE;
    trace_write_array(books->trace->writer, go_trace_slot(books->trace, 2 * index), &map->array);
    if (old.state != TRACE_SLOT_FREE || map->old_written)
        trace_write_array(books->trace->writer, go_trace_slot(books->trace, 2 * index + 1), &old);
    map->old_written = old.state != TRACE_SLOT_FREE;
}

void go_books_write(struct go_books *books)
{
    while (books->changed_opens != GO_NONE) {
        uint32_t index = books->changed_opens;
        struct go_open *open = &books->opens[index];

        books->changed_opens = open->next;
        open->changed = false;
        if (open->used || open->published)
            trace_write_resize(books->trace->writer, go_trace_slot(books->trace, index),
                               &open->record);
        if (open->published && !open->used)
            books_free_open(books, index);
        open->published = open->used;
    }
    while (books->changed_maps != GO_NONE) {
        uint32_t index = books->changed_maps;
        struct go_map *map = &books->maps[index];

        books->changed_maps = map->next;
        map->changed = false;
        write_map(books, index);
        if (!map->used) {
            map->next = books->free_maps;
            books->free_maps = index;
        }
    }
}

void go_books_publish(struct go_books *books)
{
    for (uint32_t i = 0; i < books->opens_used; i++)
        if (books->opens[i].used)
            books_open_changed(books, i);
    for (uint32_t i = 0; i < books->maps_used; i++)
        if (books->maps[i].used)
            books_map_changed(books, i);
    go_books_write(books);
}
