/*
 * threads COUNT RESIZES: so many threads that each let a table grow and shrink so
 * often and make some other blocks, then wait; says `ready` when all do.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 64, TURNS = 20000 };

struct table {
    void **buckets;
    size_t capacity;
};

static pthread_barrier_t all_done;
static long resizes;

__attribute__((noinline)) void loop_table_grow(struct table *table, size_t capacity)
{
    void **old = table->buckets, **buckets = malloc(capacity * sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old,
               (capacity < table->capacity ? capacity : table->capacity) * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    free(old);
}

static void *work(void *unused)
{
    struct table table = {0};
    void *blocks[BLOCKS] = {0};

    for (long i = 0; i <= resizes; i++)
        loop_table_grow(&table, (size_t)8 << i % 4);
    for (int i = 0; i < TURNS; i++) {
        free(blocks[i % BLOCKS]);
        blocks[i % BLOCKS] = malloc((size_t)(16 + i % 500));
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    pthread_barrier_wait(&all_done);
    pause();
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    int threads = count == 3 ? atoi(arguments[1]) : 0;

    if (threads < 1)
        return 2;
    resizes = atol(arguments[2]);
    pthread_barrier_init(&all_done, NULL, (unsigned)threads + 1);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            return 1;
    pthread_barrier_wait(&all_done);
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
