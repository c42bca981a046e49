/*
 * Old arrays that another thread lets go after a while, as RCU does, and grow
 * functions that take their time.
 *
 *     deferred MODE MILLISECONDS
 *
 * one    ten tables grow; the reclaimer frees one of the old arrays
 *        MILLISECONDS after its grow function returned, the others at once
 * all    the same, but all of them so late
 * slow   the grow function takes MILLISECONDS to move, then frees: the resize
 *        ends when it returns, so nothing is late
 * slow-then-one  as one with 20 ms, after a grow function that took
 *        MILLISECONDS: still in time
 */
#include <pthread.h>

#include "truth.h"

enum { TABLES = 10, ROUNDS = 3 };

struct table {
    size_t capacity;
    void **buckets;
};

struct handover {
    void *array;
    long milliseconds;
};

static long moving_milliseconds;

/* Returns the old array, which readers may still be walking. */
NOINLINE void **deferred_grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    if (moving_milliseconds)
        sleep_milliseconds(moving_milliseconds);
    table->buckets = buckets;
    table->capacity = capacity;
    return old;
}

NOINLINE void deferred_grow_and_free(struct table *table)
{
    size_t capacity = table->capacity * 2;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    memcpy(buckets, old, table->capacity * sizeof *buckets);
    sleep_milliseconds(moving_milliseconds);
    table->buckets = buckets;
    table->capacity = capacity;
    free(old);
    USE(table);
}

static void *reclaim(void *argument)
{
    struct handover *handover = argument;

    if (handover->milliseconds)
        sleep_milliseconds(handover->milliseconds);
    free(handover->array);
    return NULL;
}

static void hand_over(pthread_t *thread, struct handover *handover)
{
    if (pthread_create(thread, NULL, reclaim, handover) != 0)
        abort();
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    const char *mode = arguments[1];
    long milliseconds = atol(arguments[2]);
    struct table *tables = calloc(TABLES, sizeof *tables);
    struct handover handovers[ROUNDS][TABLES];
    pthread_t threads[ROUNDS][TABLES];

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            struct table *table = &tables[index];
            struct handover *handover = &handovers[round][index];
            bool chosen = round == ROUNDS - 1 && index == 4;
            bool waits = chosen && strcmp(mode, "slow") != 0;

            if (round > 0 && strcmp(mode, "all") == 0)
                waits = true;
            if (chosen && strncmp(mode, "slow", 4) == 0)
                moving_milliseconds = milliseconds;
            size_t bytes = table->capacity * sizeof(void *);
            handover->array = NULL;
            handover->milliseconds = 0;
            if (moving_milliseconds && strcmp(mode, "slow") == 0)
                deferred_grow_and_free(table);
            else
                handover->array = deferred_grow(table);
            moving_milliseconds = 0;
            if (waits)
                handover->milliseconds = strcmp(mode, "slow-then-one") == 0 ? 20 : milliseconds;
            if (waits && handover->milliseconds > 100)
                truth_finding((struct truth){
                    .kind = "late",
                    .table = table,
                    .table_bytes = sizeof *table,
                    .array = handover->array,
                    .bytes = bytes,
                    .new_array = table->buckets,
                    .new_bytes = table->capacity * sizeof(void *),
                });
            hand_over(&threads[round][index], handover);
            if (!handover->milliseconds)
                pthread_join(threads[round][index], NULL);
        }
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++)
            if (handovers[round][index].milliseconds)
                pthread_join(threads[round][index], NULL);
    truth_totals(TABLES, TABLES * (ROUNDS - 1));
    return 0;
}
