/*
 * malloc_loop direct|wrapped flat|deep|random THREADS ROUNDS
 *
 * A loop of malloc and free with blocks of 16 to 4096 bytes on each thread, in
 * a program in which a rule is active: tables grow now and then, through the
 * wrapper that `wrapped` uses for the blocks, too. flat: from the thread's own
 * function; deep: beneath 30 frames; random: at another depth every time.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))
#define LIVE 64          /* blocks that are alive at once */
#define GROW_EVERY 65536 /* rounds */

static bool wrapped;
static enum { FLAT, DEEP, RANDOM } shape;
static long rounds;

NOINLINE void *loop_alloc(size_t bytes)
{
    void *block = malloc(bytes);

    if (!block)
        abort();
    return block;
}

struct table {
    void **buckets;
    size_t capacity;
};

NOINLINE void loop_table_grow(struct table *table)
{
    void **old = table->buckets;
    size_t capacity = table->capacity < 1 << 16 ? table->capacity * 2 : 16;

    table->buckets = loop_alloc(capacity * sizeof *old);
    memset(table->buckets, 0, capacity * sizeof *old);
    table->capacity = capacity;
    free(old);
}

struct loop {
    void *live[LIVE];
    uint32_t random;
    long at;
};

static inline uint32_t next_random(struct loop *loop)
{
    return (loop->random = loop->random * 1664525u + 1013904223u) >> 16;
}

static inline void turn(struct loop *loop)
{
    void **place = &loop->live[loop->at++ % LIVE];
    size_t bytes = 16 + next_random(loop) % 4081;

    free(*place);
    *place = wrapped ? loop_alloc(bytes) : malloc(bytes);
    *(volatile char *)*place = 1;
}

NOINLINE void run_until(struct loop *loop, long end)
{
    while (loop->at < end)
        turn(loop);
}

NOINLINE int run_beneath(struct loop *loop, long end, int frames)
{
    if (frames > 0)
        return 1 + run_beneath(loop, end, frames - 1);
    run_until(loop, end);
    return 0;
}

static void run_to(struct loop *loop, long end)
{
    if (shape == FLAT)
        run_until(loop, end);
    else if (shape == DEEP)
        run_beneath(loop, end, 30);
    else
        while (loop->at < end)
            run_beneath(loop, loop->at + 1, (int)(next_random(loop) % 24));
}

static void *thread(void *unused)
{
    struct loop loop = {.random = 1};
    struct table table = {.capacity = 16};

    (void)unused;
    while (loop.at < rounds) {
        loop_table_grow(&table);
        run_to(&loop, loop.at + GROW_EVERY);
    }
    for (int i = 0; i < LIVE; i++)
        free(loop.live[i]);
    free(table.buckets);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[64];

    if (count != 5)
        return 2;
    wrapped = strcmp(arguments[1], "wrapped") == 0;
    shape = arguments[2][0] == 'f' ? FLAT : arguments[2][0] == 'd' ? DEEP : RANDOM;
    int wanted = atoi(arguments[3]);
    rounds = atol(arguments[4]);
    if (wanted < 1 || wanted > 64)
        return 2;
    for (int i = 0; i < wanted; i++)
        if (pthread_create(&threads[i], NULL, thread, NULL))
            return 1;
    for (int i = 0; i < wanted; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
