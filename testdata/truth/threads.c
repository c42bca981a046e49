/*
 * Threads that grow tables of their own, with arrays of the same sizes, so
 * that each address soon belongs to another thread's table.
 *
 *     threads THREADS GENERATIONS LEAKS MODE
 *
 * MODE: own (the growing thread frees), handed (a thread's old arrays are
 * freed by the next thread, within milliseconds), dying (each generation runs
 * in a new thread). Each thread leaks LEAKS old arrays.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "truth.h"

enum { TABLES = 16, ROUNDS = 6, MOST_THREADS = 64, MOST_LEAKS = 64 };

struct table {
    size_t capacity;
    void **buckets;
    bool pinned;
};

struct worker {
    pthread_t thread;
    int number, generations, leaks, leaked;
    struct table *tables;
    void *_Atomic *outbox; /* where old arrays go: the next thread's mailbox, or NULL */
    void *_Atomic inbox;
    struct truth findings[MOST_LEAKS];
};

/* Returns the old array if it is to be freed by another thread. */
NOINLINE void **threads_grow(struct table *table, bool hand_over)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **old = table->buckets;
    void **buckets = malloc(capacity * sizeof *buckets);

    if (!buckets)
        abort();
    memset(buckets, 0, capacity * sizeof *buckets);
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (table->pinned)
        return NULL;
    if (hand_over)
        return old;
    free(old);
    return NULL;
}

static void empty_inbox(struct worker *worker)
{
    free(atomic_exchange(&worker->inbox, NULL));
}

static void grow(struct worker *worker, struct table *table, bool pinned)
{
    void **old = table->buckets;
    size_t bytes = table->capacity * sizeof *old;

    table->pinned = pinned;
    void *freed = threads_grow(table, worker->outbox != NULL);
    if (freed)
        free(atomic_exchange(worker->outbox, freed));
    if (worker->outbox)
        empty_inbox(worker);
    if (pinned)
        worker->findings[worker->leaked++] = (struct truth){
            .kind = "leaked",
            .table = table,
            .table_bytes = sizeof *table,
            .array = old,
            .bytes = bytes,
            .new_array = table->buckets,
            .new_bytes = table->capacity * sizeof *old,
        };
}

/* Tables are emptied between generations: then each begins anew, with a first array. */
static void run_generation(struct worker *worker, bool last)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++)
            grow(worker, &worker->tables[index],
                 last && round == 3 && worker->leaked < worker->leaks);
    for (int index = 0; !last && index < TABLES; index++) {
        free(worker->tables[index].buckets);
        worker->tables[index] = (struct table){0};
    }
}

static void *run_all(void *argument)
{
    struct worker *worker = argument;

    for (int generation = 0; generation < worker->generations; generation++)
        run_generation(worker, generation == worker->generations - 1);
    return NULL;
}

static void *run_once(void *argument)
{
    run_generation(argument, false);
    return NULL;
}

static void *run_last(void *argument)
{
    run_generation(argument, true);
    return NULL;
}

static void start_and_join(struct worker *workers, int count, void *(*run)(void *))
{
    for (int number = 0; number < count; number++)
        if (pthread_create(&workers[number].thread, NULL, run, &workers[number]) != 0)
            abort();
    for (int number = 0; number < count; number++)
        pthread_join(workers[number].thread, NULL);
}

int main(int count, char **arguments)
{
    static struct worker workers[MOST_THREADS];

    if (count != 5)
        return 2;
    int threads = atoi(arguments[1]), generations = atoi(arguments[2]);
    const char *mode = arguments[4];

    for (int number = 0; number < threads; number++) {
        struct worker *worker = &workers[number];

        worker->number = number;
        worker->generations = generations;
        worker->leaks = atoi(arguments[3]);
        worker->tables = calloc(TABLES, sizeof *worker->tables);
        if (strcmp(mode, "handed") == 0)
            worker->outbox = &workers[(number + 1) % threads].inbox;
    }
    if (strcmp(mode, "dying") == 0) {
        for (int generation = 0; generation < generations; generation++)
            start_and_join(workers, threads, generation == generations - 1 ? run_last : run_once);
    } else {
        start_and_join(workers, threads, run_all);
    }
    for (int number = 0; number < threads; number++) {
        empty_inbox(&workers[number]);
        for (int index = 0; index < workers[number].leaked; index++)
            truth_finding(workers[number].findings[index]);
    }
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":[%d,%d],\"resizes\":%d}", (long)getpid(),
               threads * TABLES, threads * TABLES * generations,
               threads * TABLES * generations * (ROUNDS - 1));
    return 0;
}
