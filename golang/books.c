#include "golang/books.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golang/open_maps.h"

static struct trace_header *header_of(const struct go_books *books)
{
    return books->trace->writer.header;
}

static struct trace_rule *rule_of(const struct go_books *books)
{
    return trace_entry(&books->trace->writer, &header_of(books)->rules, books->rule);
}

int go_books_make(struct go_books *books, struct go_trace *trace, struct go_type_ids *types,
                  uint16_t rule)
{
    const struct trace_header *header = trace->writer.header;

    *books = (struct go_books){
        .trace = trace,
        .types = types,
        .module = trace_entry(&trace->writer, &header->modules, 0),
        .rule = rule,
        .liveness = header->flags & TRACE_FLAG_LIVENESS,
        .load_halves = 13,
        .cycles = TRACE_UNKNOWN,
        .map_room = header->arrays.capacity / 2,
        .open_room = header->resizes.capacity,
        .free_maps = GO_NONE,
        .changed_maps = GO_NONE,
        .free_opens = GO_NONE,
        .changed_opens = GO_NONE,
    };
    memset(books->small, 0xff, sizeof books->small);
    books->maps = calloc(books->map_room, sizeof *books->maps);
    books->opens = calloc(books->open_room, sizeof *books->opens);
    if (books->maps && books->opens && address_index_make(&books->by_array, books->map_room) == 0 &&
        address_index_make(&books->by_old, books->open_room) == 0)
        return 0;
    go_books_free(books);
    return -ENOMEM;
}

void go_books_free(struct go_books *books)
{
    address_index_free(&books->by_array);
    address_index_free(&books->by_old);
    free(books->maps);
    free(books->opens);
    *books = (struct go_books){0};
}

/* --- what has changed --------------------------------------------------------------- */

static void map_changed(struct go_books *books, uint32_t index)
{
    struct go_map *map = &books->maps[index];

    if (map->changed)
        return;
    map->changed = true;
    map->next = books->changed_maps;
    books->changed_maps = index;
}

static void open_changed(struct go_books *books, uint32_t index)
{
    struct go_open *open = &books->opens[index];

    if (open->changed)
        return;
    open->changed = true;
    open->next = books->changed_opens;
    books->changed_opens = index;
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
    trace_write_array(&books->trace->writer, 2 * index, &map->array);
    trace_write_array(&books->trace->writer, 2 * index + 1, &old);
}

void go_books_write(struct go_books *books)
{
    while (books->changed_opens != GO_NONE) {
        uint32_t index = books->changed_opens;
        struct go_open *open = &books->opens[index];

        books->changed_opens = open->next;
        open->changed = false;
        /* Most resizes are over before anybody looks. */
        if (open->used || open->published)
            trace_write_resize(&books->trace->writer, index, &open->record);
        open->published = open->used;
        if (!open->used) {
            open->next = books->free_opens;
            books->free_opens = index;
        }
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

/* --- maps ---------------------------------------------------------------------------- */

static void add_live(struct go_books *books, uint64_t bytes)
{
    struct trace_header *header = header_of(books);

    header->arrays_seen++;
    rule_of(books)->arrays++;
    header->live_arrays++;
    header->live_array_bytes += bytes;
    if (header->live_array_bytes > header->peak_array_bytes)
        header->peak_array_bytes = header->live_array_bytes;
}

static void take_live(struct go_books *books, uint64_t bytes)
{
    header_of(books)->live_arrays--;
    header_of(books)->live_array_bytes -= bytes;
}

void go_books_forget(struct go_books *books, uint32_t index)
{
    struct go_map *map = &books->maps[index];

    take_live(books, map->array.bytes);
    address_index_drop(&books->by_array, map->array.address, index);
    map->used = false;
    map_changed(books, index);
}

void go_books_counted(struct go_books *books, uint32_t index, uint64_t entries)
{
    struct go_map *map = &books->maps[index];

    map->misses = 0;
    if (map->array.entries == entries && map->array.flags & TRACE_ARRAY_COUNTED)
        return;
    map->array.entries = entries;
    map->array.flags |= TRACE_ARRAY_COUNTED;
    map_changed(books, index);
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

static uint32_t new_map(struct go_books *books, const struct go_event *event, uint32_t type,
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
                  .rule = books->rule,
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
    header_of(books)->tables++;
    add_live(books, books->maps[index].array.bytes);
    return index;
}

/*
 * The map whose array is about to become old. An address can have been freed and used again for
 * another map's array, so all that is known must fit.
 */
static uint32_t map_of(struct go_books *books, const struct go_event *event, uint64_t now)
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

/* --- resizes -------------------------------------------------------------------------- */

static uint32_t stack_of(struct go_books *books, const struct go_event *event)
{
    const struct trace_module *module = books->module;
    uint64_t frames[GO_EVENT_FRAMES];

    for (uint32_t i = 0; i < event->frames; i++)
        frames[i] = event->pc[i] >= module->low && event->pc[i] < module->high
                        ? event->pc[i] - module->bias
                        : (uint64_t)TRACE_NO_MODULE << 48 | TRACE_FRAME_ADDRESS(event->pc[i]);
    return event->frames ? trace_write_stack(&books->trace->writer, frames, event->frames) : 0;
}

/* runtime.overLoadFactor: else the map grows only to get rid of overflow buckets. */
static bool over_load(const struct go_books *books, const struct go_event *event)
{
    uint64_t buckets = (uint64_t)1 << event->log2;

    return event->count + 1 > GO_SLOTS && 2 * (event->count + 1) > books->load_halves * buckets;
}

static void set_size(struct go_books *books, uint32_t index, bool same_size)
{
    struct go_open *open = &books->opens[index];
    struct go_map *map = &books->maps[open->map];
    struct trace_resize *record = &open->record;
    uint8_t old = (uint8_t)__builtin_ctzll(record->of);

    map->log2 = (uint8_t)(old + !same_size);
    record->flags = same_size ? record->flags | TRACE_RESIZE_SAME_SIZE
                              : record->flags & ~(unsigned)TRACE_RESIZE_SAME_SIZE;
    header_of(books)->live_array_bytes -= map->array.bytes;
    map->array.bytes = record->new_bytes = go_array_bytes(map->log2, map->bucket_bytes);
    header_of(books)->live_array_bytes += map->array.bytes;
    if (map->array.bytes > map->array.table_peak_bytes)
        map->array.table_peak_bytes = map->array.bytes;
}

/* Where the new array stands: known when somebody has looked. */
static void set_array(struct go_books *books, uint32_t index, uint64_t address)
{
    struct go_open *open = &books->opens[index];
    struct go_map *map = &books->maps[open->map];

    if (map->array.address == address)
        return;
    address_index_drop(&books->by_array, map->array.address, open->map);
    /* Whoever stood there before is gone. */
    uint32_t other = address_index_get(&books->by_array, address);
    if (other != ADDRESS_INDEX_NONE && books->maps[other].open == GO_NONE)
        go_books_forget(books, other);
    address_index_put(&books->by_array, address, open->map);
    map->array.address = open->record.new_address = address;
    map_changed(books, open->map);
}

/* No word on a map without a start and an end, or a look, is sure. */
static void set_certainty(struct go_books *books, struct go_open *open)
{
    /* One collection may have been at work then: only the next one tells. */
    bool verified = books->liveness && books->cycles != TRACE_UNKNOWN &&
                    open->cycles != TRACE_UNKNOWN && books->cycles >= open->cycles + 2 &&
                    !(open->record.flags & TRACE_RESIZE_UNREADABLE);
    struct trace_resize *record = &open->record;

    record->confidence = verified ? TRACE_EXACT : TRACE_INFERRED;
    record->flags = verified ? record->flags & ~(unsigned)TRACE_RESIZE_UNVERIFIED
                             : record->flags | TRACE_RESIZE_UNVERIFIED;
}

static uint32_t new_open(struct go_books *books)
{
    /* Those that ended since the last writing are free after it. */
    if (books->free_opens == GO_NONE)
        go_books_write(books);
    uint32_t index = books->free_opens;
    if (index != GO_NONE)
        books->free_opens = books->opens[index].next;
    else if (books->opens_used < books->open_room)
        index = books->opens_used++;
    return index;
}

static void grow(struct go_books *books, const struct go_event *event, uint64_t now)
{
    uint32_t bucket_bytes, type = go_type_id(books->types, event->maptype, &bucket_bytes);
    uint32_t gone = address_index_get(&books->by_old, event->buckets);
    struct trace_header *header = header_of(books);

    /* What was an old array is the present one of some map: it was freed, without an end. */
    if (gone != ADDRESS_INDEX_NONE)
        go_books_collected(books, gone, now);
    uint32_t map_index = map_of(books, event, now);
    /* A map grows only when it is not growing. */
    if (map_index != GO_NONE && books->maps[map_index].open != GO_NONE)
        go_books_missed_end(books, books->maps[map_index].open, now);
    rule_of(books)->status = TRACE_RULE_ACTIVE;
    rule_of(books)->resizes++;
    header->resizes_seen++;
    if (map_index == GO_NONE)
        map_index = new_map(books, event, type, bucket_bytes);
    uint32_t index = map_index == GO_NONE ? GO_NONE : new_open(books);
    if (index == GO_NONE) {
        header->lost_arrays++;
        return;
    }
    struct go_map *map = &books->maps[map_index];
    struct go_open *open = &books->opens[index];
    bool published = open->published;
    address_index_drop(&books->by_array, event->buckets, map_index);
    map->open = index;
    map->table = map->array.table = event->hmap;
    map->routine = event->goroutine;
    *open = (struct go_open){
        .record =
            {
                .state = TRACE_SLOT_USED,
                .rule = books->rule,
                .stack = stack_of(books, event),
                .table_id = map->array.table_id,
                .table = event->hmap,
                .holder = event->hmap + offsetof(struct go_hmap, oldbuckets),
                .old_address = event->buckets,
                .old_bytes = map->array.bytes,
                .old_born_ns = map->array.born_ns,
                .replaced_ns = now,
                .of = (uint64_t)1 << event->log2,
                .progress_ns = now,
                .sampled_ns = now,
                .stall_start_ns = now,
                .table_resizes = map->array.table_resizes + 1,
                .replaced_bytes = map->array.replaced_bytes + map->array.bytes,
                .entries = event->count,
                .routine = event->goroutine,
                .type = type,
                .overflow = event->overflow,
            },
        .map = map_index,
        .cycles = books->cycles,
        .used = true,
        .published = published,
    };
    map->array.address = 0;
    map->array.bytes = 0;
    map->array.born_ns = now;
    map->array.stack = open->record.stack;
    map->array.holder = event->hmap + offsetof(struct go_hmap, buckets);
    map->array.table_resizes = open->record.table_resizes;
    map->array.replaced_bytes = open->record.replaced_bytes;
    map->array.entries = event->count;
    map->array.flags |= TRACE_ARRAY_COUNTED;
    header->old_array_bytes += open->record.old_bytes;
    if (header->old_array_bytes > header->peak_old_bytes)
        header->peak_old_bytes = header->old_array_bytes;
    add_live(books, 0);
    header->live_array_bytes += open->record.old_bytes;
    set_size(books, index, !over_load(books, event));
    if (header->live_array_bytes > header->peak_array_bytes)
        header->peak_array_bytes = header->live_array_bytes;
    set_certainty(books, open);
    address_index_put(&books->by_old, event->buckets, index);
    if (event->log2 == 0)
        books->small[event->goroutine >> 8 & 255] = index;
    open_changed(books, index);
    map_changed(books, map_index);
}

/* The books are closed on an open resize; its record is the caller's. */
static void close_open(struct go_books *books, uint32_t index)
{
    struct go_open *open = &books->opens[index];

    address_index_drop(&books->by_old, open->record.old_address, index);
    header_of(books)->old_array_bytes -= open->record.old_bytes;
    take_live(books, open->record.old_bytes);
    books->maps[open->map].open = GO_NONE;
    open->used = false;
    open->record.state = TRACE_SLOT_FREE;
    open_changed(books, index);
    map_changed(books, open->map);
}

/* It did not move up to UNTIL, at least. */
static void note_stall(struct trace_resize *record, uint64_t until)
{
    uint64_t stall = until > record->progress_ns ? until - record->progress_ns : 0;

    if (stall > record->longest_stall_ns) {
        record->longest_stall_ns = stall;
        record->stall_start_ns = record->progress_ns;
    }
}

static void finish(struct go_books *books, uint32_t index, uint64_t now)
{
    struct trace_resize *record = &books->opens[index].record;

    note_stall(record, record->sampled_ns);
    record->flags |= TRACE_RESIZE_END_SEEN | TRACE_RESIZE_RELEASED;
    record->flags &= ~(unsigned)(TRACE_RESIZE_UNVERIFIED | TRACE_RESIZE_UNREADABLE);
    record->resize_end_ns = record->released_ns = record->sampled_ns = now;
    close_open(books, index);
    trace_write_finished(&books->trace->writer, record);
}

/* The resize that EVENT ends. */
static uint32_t ended_by(struct go_books *books, const struct go_event *event)
{
    uint32_t index = address_index_get(&books->by_old, event->oldbuckets);

    if (index != ADDRESS_INDEX_NONE)
        return index;
    /* A first bucket can stand on a stack, and move with it while it is being emptied. */
    index = books->small[event->goroutine >> 8 & 255];
    if (event->log2 <= 1 && index != GO_NONE && books->opens[index].used &&
        books->opens[index].record.of == 1 &&
        books->opens[index].record.routine == event->goroutine)
        return index;
    return GO_NONE;
}

static void end(struct go_books *books, const struct go_event *event, uint64_t now)
{
    uint32_t index = ended_by(books, event);

    if (index == GO_NONE) {
        header_of(books)->orphans++;
        return;
    }
    struct go_open *open = &books->opens[index];
    struct go_map *map = &books->maps[open->map];
    map->table = map->array.table = open->record.table = event->hmap;
    map->routine = event->goroutine;
    map->array.holder = event->hmap + offsetof(struct go_hmap, buckets);
    open->record.holder = event->hmap + offsetof(struct go_hmap, oldbuckets);
    if (event->kind == GO_EVENT_CLEARED) {
        open->record.moved = event->nevacuate;
        open->record.flags |= TRACE_RESIZE_CLEARED;
        map->array.entries = 0;
    } else {
        open->record.moved = open->record.of;
        map->array.entries = event->count;
    }
    set_size(books, index, event->flags & GO_SAME_SIZE);
    set_array(books, index, event->buckets);
    open->record.confidence = TRACE_EXACT;
    finish(books, index, now);
}

void go_books_event(struct go_books *books, const struct go_event *event, uint64_t ns)
{
    uint64_t now = go_trace_time(books->trace, ns);

    if (event->log2 > 40)
        return;
    if (event->kind == GO_EVENT_GROW)
        grow(books, event, now);
    else if (event->kind == GO_EVENT_MOVED || event->kind == GO_EVENT_CLEARED)
        end(books, event, now);
}

/* --- what memory shows ------------------------------------------------------------------ */

void go_books_progress(struct go_books *books, uint32_t index, const struct go_hmap *hmap,
                       uint64_t now)
{
    struct go_open *open = &books->opens[index];
    struct go_map *map = &books->maps[open->map];
    struct trace_resize *record = &open->record;

    open->misses = 0;
    record->flags &= ~(unsigned)TRACE_RESIZE_UNREADABLE;
    bool moving = hmap->nevacuate > record->moved;
    note_stall(record, moving ? record->sampled_ns : now);
    if (moving) {
        record->moved = hmap->nevacuate < record->of ? hmap->nevacuate : record->of;
        record->progress_ns = now;
        open->cycles = books->cycles;
    }
    record->sampled_ns = now;
    set_size(books, index, hmap->flags & GO_SAME_SIZE);
    set_array(books, index, hmap->buckets);
    map->array.entries = hmap->count;
    set_certainty(books, open);
    open_changed(books, index);
    map_changed(books, open->map);
}

void go_books_unreadable(struct go_books *books, uint32_t index, uint64_t now)
{
    struct go_open *open = &books->opens[index];

    (void)now;
    open->record.flags |= TRACE_RESIZE_UNREADABLE;
    set_certainty(books, open);
    open_changed(books, index);
}

void go_books_collected(struct go_books *books, uint32_t index, uint64_t now)
{
    struct go_open *open = &books->opens[index];
    uint32_t map = open->map;

    (void)now;
    open->record.flags |= TRACE_RESIZE_COLLECTED;
    header_of(books)->collected++;
    close_open(books, index);
    go_books_forget(books, map);
}

void go_books_missed_end(struct go_books *books, uint32_t index, uint64_t now)
{
    struct trace_resize *record = &books->opens[index].record;

    /* Somewhere between the last look and now. */
    record->confidence = TRACE_INFERRED;
    record->moved = record->of;
    finish(books, index, now);
}
