/*
 * Tables that move their buckets a few at a time, as redis does.
 *
 *     incremental MODE MILLISECONDS
 *
 * One table of eight does what MODE says, the others finish at once:
 * clean       it finishes at once, too
 * stuck       left half-way; the program waits MILLISECONDS, then ends
 * late        left half-way for MILLISECONDS, then finished
 * slow        moves one bucket every MILLISECONDS/8, until all 32 have moved
 * unfinished  left half-way; the program ends at once
 * destroyed   destroyed half-way, then the program waits MILLISECONDS
 * destroyed-late  destroyed half-way, after MILLISECONDS
 *
 * Built with -DPLAIN the old array stands in a field of its own that is null
 * when no resize is open, and the counts are plain 4-byte numbers.
 */
#include "truth.h"

enum { TABLES = 8, FIRST_LOG = 2, ROUNDS = 4 };

#ifdef PLAIN
struct dict {
    void **buckets;
    void **old;
    uint32_t moved, of;
    uint32_t capacity;
};

NOINLINE void plain_grow(struct dict *dict)
{
    uint32_t capacity = dict->capacity ? dict->capacity * 2 : 1u << FIRST_LOG;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    dict->old = dict->buckets;
    dict->of = dict->old ? dict->capacity : 0;
    dict->moved = 0;
    dict->buckets = buckets;
    dict->capacity = capacity;
}

/* Moves up to STEPS buckets; true: there are more. */
NOINLINE bool plain_move(struct dict *dict, uint32_t steps)
{
    if (!dict->old)
        return false;
    for (; steps > 0 && dict->moved < dict->of; steps--, dict->moved++)
        dict->buckets[dict->moved] = dict->old[dict->moved];
    if (dict->moved < dict->of)
        return true;
    free(dict->old);
    dict->old = NULL;
    dict->moved = dict->of = 0;
    return false;
}

static void destroy(struct dict *dict)
{
    free(dict->old);
    free(dict->buckets);
    *dict = (struct dict){0};
}

#define GROW plain_grow
#define MOVE plain_move
#define OLD(dict) ((dict)->old)
#define NEW(dict) ((dict)->buckets)
#define OLD_CAPACITY(dict) ((size_t)(dict)->of)
#define NEW_CAPACITY(dict) ((size_t)(dict)->capacity)

#else
struct dict {
    const void *type;
    void **tables[2];
    uint64_t used[2];
    int64_t moved; /* -1: no resize is open */
    int16_t paused;
    int8_t logs[2];
};

NOINLINE void dict_grow(struct dict *dict)
{
    int8_t log = dict->tables[0] ? (int8_t)(dict->logs[0] + 1) : FIRST_LOG;
    void **buckets = calloc((size_t)1 << log, sizeof *buckets);

    if (!buckets)
        abort();
    if (!dict->tables[0]) {
        dict->tables[0] = buckets;
        dict->logs[0] = log;
        dict->moved = -1;
        return;
    }
    dict->tables[1] = buckets;
    dict->logs[1] = log;
    dict->moved = 0;
}

/* Moves up to STEPS buckets; true: there are more. */
NOINLINE bool dict_move(struct dict *dict, uint32_t steps)
{
    if (dict->moved < 0)
        return false;
    for (; steps > 0 && dict->moved < (int64_t)1 << dict->logs[0]; steps--, dict->moved++)
        dict->tables[1][dict->moved] = dict->tables[0][dict->moved];
    if (dict->moved < (int64_t)1 << dict->logs[0])
        return true;
    free(dict->tables[0]);
    dict->tables[0] = dict->tables[1];
    dict->logs[0] = dict->logs[1];
    dict->tables[1] = NULL;
    dict->moved = -1;
    return false;
}

static void destroy(struct dict *dict)
{
    free(dict->tables[0]);
    free(dict->tables[1]);
    *dict = (struct dict){.moved = -1};
}

#define GROW dict_grow
#define MOVE dict_move
#define OLD(dict) ((dict)->tables[0])
#define NEW(dict) ((dict)->tables[1])
#define OLD_CAPACITY(dict) ((size_t)1 << (dict)->logs[0])
#define NEW_CAPACITY(dict) ((size_t)1 << (dict)->logs[1])
#endif

static void finding(const char *kind, const struct dict *dict, long moved)
{
    truth_finding((struct truth){
        .kind = kind,
        .table = dict,
        .table_bytes = sizeof *dict,
        .array = OLD(dict),
        .bytes = OLD_CAPACITY(dict) * sizeof(void *),
        .new_array = NEW(dict),
        .new_bytes = NEW_CAPACITY(dict) * sizeof(void *),
        .moved = moved,
        .of = moved ? (long)OLD_CAPACITY(dict) : 0,
    });
}

static void slow(struct dict *dict, long milliseconds)
{
    while (MOVE(dict, 1))
        sleep_milliseconds(milliseconds / 8);
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    const char *mode = arguments[1];
    long milliseconds = atol(arguments[2]);
    struct dict *dicts = calloc(TABLES, sizeof *dicts);
    struct dict *chosen = &dicts[5];
    bool unfinished = strcmp(mode, "unfinished") == 0;

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            GROW(&dicts[index]);
            while (MOVE(&dicts[index], 1))
                ;
        }

    GROW(chosen);
    uint32_t half = (uint32_t)OLD_CAPACITY(chosen) / 2;
    if (strcmp(mode, "slow") == 0) {
        slow(chosen, milliseconds);
    } else if (strcmp(mode, "clean") == 0) {
        while (MOVE(chosen, 3))
            ;
    } else {
        MOVE(chosen, half);
        if (strcmp(mode, "stuck") == 0) {
            finding("stuck", chosen, half);
            sleep_milliseconds(milliseconds);
        } else if (strcmp(mode, "late") == 0) {
            finding("late", chosen, 0);
            sleep_milliseconds(milliseconds);
            while (MOVE(chosen, 1))
                ;
        } else if (strcmp(mode, "destroyed") == 0) {
            destroy(chosen);
            sleep_milliseconds(milliseconds);
        } else if (strcmp(mode, "destroyed-late") == 0) {
            finding("late", chosen, 0);
            sleep_milliseconds(milliseconds);
            destroy(chosen);
        } else if (!unfinished) {
            return 2;
        }
    }
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":%d,\"resizes\":%d,\"unfinished\":%d}",
               (long)getpid(), TABLES, TABLES * (ROUNDS - 1) + 1, unfinished);
    return 0;
}
