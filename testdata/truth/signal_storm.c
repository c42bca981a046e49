/*
 * Signals at a high rate whose handler allocates, while tables grow. Runs over
 * signal_safe.so, whose malloc may be called from a handler.
 *
 *     signal_storm MODE
 *
 * plain   the handler allocates and frees
 * grows   the handler grows a table of its own, too
 *
 * One of the main program's tables leaks an old array.
 */
#include <signal.h>
#include <sys/time.h>

#include "truth.h"

enum { TABLES = 50, ROUNDS = 9, TURNS = 40 };

struct table {
    size_t capacity;
    void **buckets;
};

static bool handler_grows;
static volatile long handled;

NOINLINE void storm_grow(struct table *table, bool pinned)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 8;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!pinned)
        free(old);
    USE(table);
}

static void handle(int number)
{
    void *blocks[10];

    (void)number;
    handled++;
    for (int index = 0; index < 10; index++)
        blocks[index] = malloc((size_t)(index + 1) * 50);
    for (int index = 0; index < 10; index++)
        free(realloc(blocks[index], 2000));
    if (handler_grows) {
        struct table table = {0};

        for (int round = 0; round < 4; round++)
            storm_grow(&table, false);
        free(table.buckets);
    }
}

int main(int count, char **arguments)
{
    static struct table tables[TABLES];
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 300}, {0, 300}};

    if (count != 2)
        return 2;
    handler_grows = strcmp(arguments[1], "grows") == 0;
    sigaction(SIGPROF, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int turn = 0; turn < TURNS || handled < 1000; turn++) {
        for (int round = 0; round < ROUNDS; round++)
            for (int index = 0; index < TABLES; index++)
                storm_grow(&tables[index], false);
        for (int index = 0; index < TABLES; index++) {
            free(tables[index].buckets);
            tables[index] = (struct table){0};
        }
    }
    often = (struct itimerval){0};
    setitimer(ITIMER_PROF, &often, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; round < 4; round++)
        storm_grow(&tables[7], false);
    struct table before = tables[7];
    storm_grow(&tables[7], true);
    truth_finding((struct truth){
        .kind = "leaked",
        .table = &tables[7],
        .table_bytes = sizeof *tables,
        .array = before.buckets,
        .bytes = before.capacity * sizeof(void *),
        .new_array = tables[7].buckets,
        .new_bytes = tables[7].capacity * sizeof(void *),
    });
    truth_line("{\"is\":\"note\",\"handled\":%ld}", handled);
    return 0;
}
