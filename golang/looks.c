#include "golang/looks.h"

#include <string.h>

enum {
    MISSES_MOST = 3, /* looks in a row that contradict the books */
    AT_A_TIME = MEMORY_PIECES_MOST / 2,
    MAPS_AT_ONCE = 32, /* looked at, of those that are not being resized */
    LAST_MAPS_MOST = 8192,
    LAST_BYTES_LEAST = 4096, /* of an array, for the last look */
};

static const uint64_t LOOK_LEAST_NS = 10000000, LOOK_MOST_NS = 250000000;
static const uint64_t QUIET_NS = 40000000; /* between two looks at some that are not resized */

/* A header and the beginning of one of its arrays, as they were in memory. */
struct sight {
    uint32_t index; /* of the open resize, or the map */
    bool hmap_there, marks_there;
    struct go_hmap hmap;
    unsigned char marks[GO_SLOTS];
};

typedef void judge(struct go_books *books, const struct memory *memory, const struct sight *sight,
                   uint64_t now, bool last);

/* Some that are to be looked at together. */
struct looking {
    struct go_books *books;
    const struct memory *memory;
    judge *judge;
    uint64_t now;
    bool last;
    unsigned count;
    struct sight sights[AT_A_TIME];
    struct memory_piece pieces[2 * AT_A_TIME];
};

static void look_at_all(struct looking *looking)
{
    memory_read_pieces(looking->memory, looking->pieces, 2 * looking->count);
    for (unsigned i = 0; i < looking->count; i++) {
        struct sight *sight = &looking->sights[i];

        sight->hmap_there = looking->pieces[2 * i].there;
        sight->marks_there = looking->pieces[2 * i + 1].there;
        looking->judge(looking->books, looking->memory, sight, looking->now, looking->last);
    }
    looking->count = 0;
}

static void look_at(struct looking *looking, uint32_t index, uint64_t table, uint64_t array)
{
    struct sight *sight = &looking->sights[looking->count];
    struct memory_piece *pieces = &looking->pieces[2 * looking->count];

    sight->index = index;
    pieces[0] = (struct memory_piece){table, &sight->hmap, sizeof sight->hmap, false};
    pieces[1] = (struct memory_piece){array, sight->marks, sizeof sight->marks, false};
    if (++looking->count == AT_A_TIME)
        look_at_all(looking);
}

/* What an old array's first bytes say. */
enum marks { MARKS_FIT, MARKS_FREED, MARKS_OTHER, MARKS_UNREADABLE };

/* GODEBUG=clobberfree=1 fills what is freed with 0xdeadbeef. */
static bool is_freed(const unsigned char *bytes)
{
    static const unsigned char freed[] = {0xef, 0xbe, 0xad, 0xde, 0xef, 0xbe, 0xad, 0xde};

    return memcmp(bytes, freed, sizeof freed) == 0;
}

/*
 * A bucket is moved as a whole, and the first one by the insert that begins the resize. While that
 * lasts, the map BEGINS to, and no mark shows it.
 */
static enum marks look_at_marks(const struct sight *sight, const struct trace_resize *record,
                                bool begins)
{
    if (!sight->marks_there)
        return MARKS_UNREADABLE;
    if (is_freed(sight->marks))
        return MARKS_FREED;
    if (record->moved == 0 && begins)
        return MARKS_FIT;
    for (int i = 0; i < GO_SLOTS; i++)
        if (sight->marks[i] < GO_MARK_EVACUATED_FIRST || sight->marks[i] > GO_MARK_EVACUATED_LAST)
            return MARKS_OTHER;
    return MARKS_FIT;
}

/*
 * Whether both arrays are marked as the books say. Memory of a dead map is used again piece by
 * piece: where nothing tells that it was freed, its header and its first bucket can be the last.
 */
static bool arrays_fit(const struct go_books *books, const struct memory *memory,
                       struct go_open *open)
{
    const struct trace_resize *record = &open->record;
    const struct go_map *map = &books->maps[open->map];
    const struct go_open_map shape = {
        .old_array = record->old_address,
        .new_array = record->new_address,
        .moved = record->moved,
        .of = record->of,
        .log2_buckets = map->log2,
        .bucket_bytes = map->bucket_bytes,
    };

    return !shape.new_array || !shape.bucket_bytes ||
           go_open_map_fits(memory, &shape, open->part++);
}

static bool holds_both(const struct go_hmap *hmap, const struct go_open *open)
{
    const struct trace_resize *record = &open->record;

    return hmap->oldbuckets == record->old_address && hmap->buckets &&
           hmap->buckets != record->old_address && hmap->flags < 2 * GO_SAME_SIZE &&
           (!record->new_address || record->new_address == hmap->buckets);
}

/* True if the new array is only being made. */
static bool has_not_begun(const struct go_hmap *hmap, const struct go_open *open)
{
    return hmap->buckets == open->record.old_address;
}

/* True if the map has let go of its old array, where it was when we last saw it. */
static bool has_let_go(const struct go_hmap *hmap, const struct go_open *open)
{
    return hmap->oldbuckets == 0 && open->record.new_address &&
           hmap->buckets == open->record.new_address;
}

static void judge_resize(struct go_books *books, const struct memory *memory,
                         const struct sight *sight, uint64_t now, bool last)
{
    const uint32_t index = sight->index;
    struct go_open *open = &books->opens[index];
    bool holds = sight->hmap_there && holds_both(&sight->hmap, open);
    bool begins = sight->hmap_there && has_not_begun(&sight->hmap, open);
    enum marks marks = look_at_marks(sight, &open->record, begins || holds);

    if (marks == MARKS_FIT && !books->liveness && !arrays_fit(books, memory, open))
        marks = MARKS_OTHER;
    if (marks == MARKS_FREED && books->liveness) {
        /* The end of the resize may be an event that was not drained yet. */
        if (last || open->misses++)
            go_books_collected(books, index, now);
    } else if (!sight->hmap_there || marks == MARKS_UNREADABLE)
        return; /* the program is gone: what was seen last is the last word */
    else if (marks == MARKS_FIT && holds)
        go_books_progress(books, index, &sight->hmap, now);
    else if (++open->misses < MISSES_MOST && !last)
        return;
    else if (has_let_go(&sight->hmap, open))
        go_books_missed_end(books, index, now);
    else if (marks == MARKS_OTHER)
        go_books_collected(books, index, now);
    else
        go_books_unreadable(books, index, now); /* on a stack that has moved, or gone */
}

/* The longer a map has not moved, the less often it is looked at. */
static uint64_t next_look(const struct go_open *open, uint64_t now)
{
    uint64_t pause = now > open->record.progress_ns ? (now - open->record.progress_ns) / 8 : 0;

    if (open->misses && open->misses < MISSES_MOST)
        pause = 0;
    return now + (pause < LOOK_LEAST_NS  ? LOOK_LEAST_NS
                  : pause > LOOK_MOST_NS ? LOOK_MOST_NS
                                         : pause);
}

static void judge_open(struct go_books *books, const struct memory *memory,
                       const struct sight *sight, uint64_t now, bool last)
{
    struct go_open *open = &books->opens[sight->index];

    judge_resize(books, memory, sight, now, last);
    open->look_ns = next_look(open, now);
}

static void judge_map(struct go_books *books, const struct memory *memory,
                      const struct sight *sight, uint64_t now, bool last)
{
    const uint32_t index = sight->index;
    const struct go_hmap *hmap = &sight->hmap;
    struct go_map *map = &books->maps[index];

    (void)memory;
    (void)now;
    if (!sight->hmap_there || !sight->marks_there)
        return;
    if (books->liveness && is_freed(sight->marks)) {
        if (last || map->misses++) /* it may have grown meanwhile */
            go_books_forget(books, index);
    } else if (hmap->buckets == map->array.address && hmap->log2_buckets == map->log2)
        go_books_counted(books, index, hmap->count);
    else if (++map->misses >= MISSES_MOST)
        go_books_forget(books, index);
}

static bool is_quiet(const struct go_map *map)
{
    return map->used && map->open == GO_NONE && map->array.address;
}

static void look_at_map(struct looking *looking, uint32_t index)
{
    const struct go_map *map = &looking->books->maps[index];

    look_at(looking, index, map->table, map->array.address);
}

static void look_at_some_maps(struct looking *looking)
{
    struct go_books *books = looking->books;
    unsigned looks = 0;

    for (uint32_t tries = 0; tries < books->maps_used && looks < MAPS_AT_ONCE; tries++) {
        uint32_t index = books->look_hand++ % books->maps_used;
        if (is_quiet(&books->maps[index])) {
            look_at_map(looking, index);
            looks++;
        }
    }
}

static void look_at_large_maps(struct looking *looking)
{
    struct go_books *books = looking->books;
    unsigned looks = 0;

    for (uint32_t i = 0; i < books->maps_used && looks < LAST_MAPS_MOST; i++)
        if (is_quiet(&books->maps[i]) && books->maps[i].array.bytes >= LAST_BYTES_LEAST) {
            look_at_map(looking, i);
            looks++;
        }
}

void go_look(struct go_books *books, const struct memory *memory, uint64_t now, bool last)
{
    struct looking looking;

    looking.books = books;
    looking.memory = memory;
    looking.judge = judge_open;
    looking.now = now;
    looking.last = last;
    looking.count = 0;
    for (uint32_t i = 0; i < books->opens_used; i++) {
        const struct go_open *open = &books->opens[i];
        if (open->used && (last || open->look_ns <= now))
            look_at(&looking, i, open->record.table, open->record.old_address);
    }
    look_at_all(&looking);
    looking.judge = judge_map;
    if (last) {
        go_books_forget_twins(books);
        look_at_large_maps(&looking);
    } else if (now >= books->look_quiet_ns) {
        look_at_some_maps(&looking);
        books->look_quiet_ns = now + QUIET_NS;
    }
    look_at_all(&looking);
}
