#include "golang/books.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golang/books_parts.h"
#include "golang/open_maps.h"

int go_books_make(struct go_books *books, struct go_trace *trace, struct go_type_ids *types)
{
    const struct trace_header *header = go_trace_header(trace);

    *books = (struct go_books){
        .trace = trace,
        .types = types,
        .module = trace_entry(trace->writer, &header->modules, trace->module),
        .record = trace_entry(trace->writer, &header->rules, trace->rule),
        .last_table_id = trace->first_table,
        .liveness = header->flags & TRACE_FLAG_LIVENESS,
        .load_halves = 13,
        .cycles = TRACE_UNKNOWN,
        .map_room = go_trace_room(trace, header->arrays.capacity) / 2,
        .open_room = go_trace_room(trace, header->resizes.capacity),
        .free_maps = GO_NONE,
        .changed_maps = GO_NONE,
        .free_opens = GO_NONE,
        .changed_opens = GO_NONE,
    };
    memset(books->small, 0xff, sizeof books->small);
    books->maps = calloc(books->map_room, sizeof *books->maps);
    books->opens = calloc(books->open_room, sizeof *books->opens);
    if (books->maps && books->opens && address_index_make(&books->by_array) == 0 &&
        address_index_make(&books->by_old) == 0 && go_sites_make(&books->sites, trace) == 0)
        return 0;
    go_books_free(books);
    return -ENOMEM;
}

void go_books_free(struct go_books *books)
{
    address_index_free(&books->by_array);
    address_index_free(&books->by_old);
    go_sites_free(&books->sites);
    free(books->maps);
    free(books->opens);
    *books = (struct go_books){0};
}

/* --- resizes -------------------------------------------------------------------------- */

static uint32_t stack_of(struct go_books *books, const struct go_event *event)
{
    const struct trace_module *module = books->module;
    uint64_t frames[GO_EVENT_FRAMES];

    for (uint32_t i = 0; i < event->frames; i++)
        frames[i] = event->pc[i] >= module->low && event->pc[i] < module->high
                        ? (uint64_t)books->trace->module << 48 | (event->pc[i] - module->bias)
                        : (uint64_t)TRACE_NO_MODULE << 48 | TRACE_FRAME_ADDRESS(event->pc[i]);
    return event->frames ? trace_write_stack(books->trace->writer, frames, event->frames) : 0;
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
    books_header(books)->live_array_bytes -= map->array.bytes;
    map->array.bytes = record->new_bytes = go_array_bytes(map->log2, map->bucket_bytes);
    books_header(books)->live_array_bytes += map->array.bytes;
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
    books_map_changed(books, open->map);
}

/* No word on a map without a start and an end, or a look, is sure. */
static void set_certainty(struct go_books *books, struct go_open *open)
{
    /*
     * One collection may have been at work then, and may have marked the map before. The next one
     * tells, when it has freed all that it frees: before the one after that.
     */
    bool verified = books->liveness && books->cycles != TRACE_UNKNOWN &&
                    open->cycles != TRACE_UNKNOWN && books->cycles >= open->cycles + 3 &&
                    !(open->record.flags & TRACE_RESIZE_UNREADABLE);
    struct trace_resize *record = &open->record;

    record->confidence = verified ? TRACE_EXACT : TRACE_INFERRED;
    record->flags = verified ? record->flags & ~(unsigned)TRACE_RESIZE_UNVERIFIED
                             : record->flags | TRACE_RESIZE_UNVERIFIED;
}

static uint32_t new_open(struct go_books *books)
{
    /* Those whose end is not in the trace yet are free after the next writing. */
    if (books->free_opens == GO_NONE && books->opens_used == books->open_room)
        go_books_write(books);
    uint32_t index = books->free_opens;
    if (index != GO_NONE)
        books->free_opens = books->opens[index].next_free;
    else if (books->opens_used < books->open_room)
        index = books->opens_used++;
    return index;
}

/* Returns its place among the open ones, or GO_NONE. */
static uint32_t begin(struct go_books *books, const struct go_event *event, uint32_t type,
                      uint32_t bucket_bytes, uint64_t now)
{
    struct trace_header *header = books_header(books);
    uint32_t map_index = books_map_of(books, event, now);

    /* A map grows only when it is not growing. */
    if (map_index != GO_NONE && books->maps[map_index].open != GO_NONE)
        go_books_missed_end(books, books->maps[map_index].open, now);
    books->record->status = TRACE_RULE_ACTIVE;
    books->record->resizes++;
    header->resizes_seen++;
    if (map_index == GO_NONE)
        map_index = books_new_map(books, event, type, bucket_bytes);
    uint32_t index = map_index == GO_NONE ? GO_NONE : new_open(books);
    if (index == GO_NONE) {
        header->lost_arrays++;
        return GO_NONE;
    }
    struct go_map *map = &books->maps[map_index];
    struct go_open *open = &books->opens[index];
    bool changed = open->changed;
    uint32_t next = open->next;
    address_index_drop(&books->by_array, event->buckets, map_index);
    map->open = index;
    map->misses = 0;
    map->table = map->array.table = event->hmap;
    map->routine = event->goroutine;
    *open = (struct go_open){
        .record =
            {
                .state = TRACE_SLOT_USED,
                .rule = books->trace->rule,
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
        .cycles = TRACE_UNKNOWN,
        .next = next,
        .used = true,
        .changed = changed,
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
    books_add_live(books, 0);
    set_size(books, index, !over_load(books, event));
    if (header->live_array_bytes > header->peak_array_bytes)
        header->peak_array_bytes = header->live_array_bytes;
    set_certainty(books, open);
    /* The first return address is in the runtime, the second in whoever assigns to the map. */
    if (event->frames > 1)
        go_sites_count(&books->sites, event->pc[1], &open->record);
    address_index_put(&books->by_old, event->buckets, index);
    if (event->log2 == 0)
        books->small[event->goroutine >> 8 & 255] = index;
    books_open_changed(books, index);
    books_map_changed(books, map_index);
    return index;
}

static void grow(struct go_books *books, const struct go_event *event, uint64_t now)
{
    uint32_t bucket_bytes, type = go_type_id(books->types, event->maptype, &bucket_bytes);
    uint32_t gone = address_index_get(&books->by_old, event->buckets);

    /* What was an old array is the present one of some map: it was freed, without an end. */
    if (gone != ADDRESS_INDEX_NONE)
        go_books_collected(books, gone, now);
    begin(books, event, type, bucket_bytes, now);
}

void go_books_found(struct go_books *books, const struct go_open_map *found)
{
    const struct go_event event = {
        .hmap = found->address,
        .maptype = found->certainty == GO_TYPE_UNKNOWN ? 0 : found->type->address,
        .count = TRACE_UNKNOWN, /* when it began */
        .log2 = (uint8_t)(found->log2_buckets - !found->same_size),
        .buckets = found->old_array,
    };
    const struct go_hmap hmap = {
        .count = found->count,
        .flags = found->same_size ? GO_SAME_SIZE : 0,
        .log2_buckets = found->log2_buckets,
        .buckets = found->new_array,
        .oldbuckets = found->old_array,
        .nevacuate = found->moved,
    };
    uint32_t bytes, type = go_type_id(books->types, event.maptype, &bytes);
    uint32_t index = begin(books, &event, type, found->bucket_bytes, 0);

    if (index != GO_NONE)
        go_books_progress(books, index, &hmap, 0);
}

/* The books are closed on an open resize; its record is the caller's. */
static void close_open(struct go_books *books, uint32_t index)
{
    struct go_open *open = &books->opens[index];

    address_index_drop(&books->by_old, open->record.old_address, index);
    books_header(books)->old_array_bytes -= open->record.old_bytes;
    books_take_live(books, open->record.old_bytes);
    books->maps[open->map].open = GO_NONE;
    open->used = false;
    open->record.state = TRACE_SLOT_FREE;
    /* Most are over before anybody looks. Their places serve again at once, and stay in the cache.
     */
    if (open->published)
        books_open_changed(books, index);
    else
        books_free_open(books, index);
    books_map_changed(books, open->map);
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

    /* Where nothing could be seen, no progress was. */
    note_stall(record, record->flags & TRACE_RESIZE_UNREADABLE ? now : record->sampled_ns);
    record->flags |= TRACE_RESIZE_END_SEEN | TRACE_RESIZE_RELEASED;
    record->flags &= ~(unsigned)TRACE_RESIZE_UNVERIFIED;
    record->resize_end_ns = record->released_ns = record->sampled_ns = now;
    close_open(books, index);
    trace_write_finished(books->trace->writer, record);
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
        books_header(books)->orphans++;
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
        open->cycles = TRACE_UNKNOWN;
    } else if (open->cycles == TRACE_UNKNOWN)
        open->cycles = books->cycles;
    record->sampled_ns = now;
    set_size(books, index, hmap->flags & GO_SAME_SIZE);
    set_array(books, index, hmap->buckets);
    map->array.entries = hmap->count;
    set_certainty(books, open);
    books_open_changed(books, index);
    books_map_changed(books, open->map);
}

void go_books_unreadable(struct go_books *books, uint32_t index, uint64_t now)
{
    struct go_open *open = &books->opens[index];

    (void)now;
    open->record.flags |= TRACE_RESIZE_UNREADABLE;
    set_certainty(books, open);
    books_open_changed(books, index);
}

void go_books_collected(struct go_books *books, uint32_t index, uint64_t now)
{
    struct go_open *open = &books->opens[index];
    uint32_t map = open->map;

    (void)now;
    open->record.flags |= TRACE_RESIZE_COLLECTED;
    books_header(books)->collected++;
    close_open(books, index);
    go_books_forget(books, map);
}

void go_books_unseen(struct go_books *books, uint64_t since)
{
    for (uint32_t i = 0; i < books->opens_used; i++)
        if (books->opens[i].used && books->opens[i].record.sampled_ns < since) {
            books->opens[i].record.flags |= TRACE_RESIZE_UNSEEN;
            books_open_changed(books, i);
        }
}

void go_books_missed_end(struct go_books *books, uint32_t index, uint64_t now)
{
    struct trace_resize *record = &books->opens[index].record;

    /* Somewhere between the last look and now. */
    record->confidence = TRACE_INFERRED;
    record->moved = record->of;
    finish(books, index, now);
}
