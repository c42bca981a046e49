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

static struct truth plain_truth(const char *kind, const struct dict *dict, long moved)
{
    return (struct truth){
        .kind = kind,
        .table = dict,
        .table_bytes = sizeof *dict,
        .array = dict->old,
        .bytes = dict->of * sizeof(void *),
        .new_array = dict->buckets,
        .new_bytes = dict->capacity * sizeof(void *),
        .moved = moved,
        .of = moved ? (long)dict->of : 0,
    };
}

static void plain_release(struct dict *dict)
{
    free(dict->old);
    free(dict->buckets);
    *dict = (struct dict){0};
}

#define dict_grow plain_grow
#define dict_move plain_move
#define dict_truth plain_truth
#define dict_release plain_release

#else
#define DICT_FIRST_LOG FIRST_LOG
#include "dict.h"
#endif

static void slow(struct dict *dict, long milliseconds)
{
    while (dict_move(dict, 1))
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
            dict_grow(&dicts[index]);
            while (dict_move(&dicts[index], 1))
                ;
        }

    dict_grow(chosen);
    long half = 1L << (FIRST_LOG + ROUNDS - 2);
    if (strcmp(mode, "slow") == 0) {
        slow(chosen, milliseconds);
    } else if (strcmp(mode, "clean") == 0) {
        while (dict_move(chosen, 3))
            ;
    } else {
        dict_move(chosen, half);
        if (strcmp(mode, "stuck") == 0) {
            truth_finding(dict_truth("stuck", chosen, half));
            sleep_milliseconds(milliseconds);
        } else if (strcmp(mode, "late") == 0) {
            truth_finding(dict_truth("late", chosen, 0));
            sleep_milliseconds(milliseconds);
            while (dict_move(chosen, 1))
                ;
        } else if (strcmp(mode, "destroyed") == 0) {
            dict_release(chosen);
            sleep_milliseconds(milliseconds);
        } else if (strcmp(mode, "destroyed-late") == 0) {
            truth_finding(dict_truth("late", chosen, 0));
            sleep_milliseconds(milliseconds);
            dict_release(chosen);
        } else if (!unfinished) {
            return 2;
        }
    }
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":%d,\"resizes\":%d,\"unfinished\":%d}",
               (long)getpid(), TABLES, TABLES * (ROUNDS - 1) + 1, unfinished);
    return 0;
}
