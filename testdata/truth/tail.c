/*
 * Grow functions that lose their frame: the release of the old array, or the
 * allocation of the new one, is the last thing that a function does.
 *
 *     tail MODE [MILLISECONDS]
 *
 * free      the grow function ends with free(old)
 * release   ... with a call of a wrapper of free
 * install   ... with a call of a function that waits MILLISECONDS, then frees
 * wrapper   the array comes from a wrapper that ends with calloc
 * static    as free, in static functions
 *
 * In each mode one table of twelve leaks an old array.
 */
#include "truth.h"

enum { TABLES = 12, ROUNDS = 6 };

struct table {
    size_t capacity;
    void **buckets;
};

static long waiting_milliseconds;

/* Returns what it was given, so that one function does for leaking and freeing. */
static void *doomed(void *old, bool pinned)
{
    return pinned ? NULL : old;
}

static void **fill(struct table *table, void **buckets, size_t capacity)
{
    void **old = table->buckets;

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    return old;
}

NOINLINE void tail_grow_free(struct table *table, size_t capacity, bool pinned)
{
    void **old = fill(table, calloc(capacity, sizeof *old), capacity);

    free(doomed(old, pinned));
}

NOINLINE static void tail_grow_static(struct table *table, size_t capacity, bool pinned)
{
    void **old = fill(table, calloc(capacity, sizeof *old), capacity);

    free(doomed(old, pinned));
}

NOINLINE void release(void *block)
{
    free(block);
}

NOINLINE void tail_grow_release(struct table *table, size_t capacity, bool pinned)
{
    void **old = fill(table, calloc(capacity, sizeof *old), capacity);

    release(doomed(old, pinned));
}

NOINLINE void install(struct table *table, void **buckets, size_t capacity, bool pinned)
{
    void **old = fill(table, buckets, capacity);

    if (waiting_milliseconds && old)
        sleep_milliseconds(waiting_milliseconds);
    free(doomed(old, pinned));
}

NOINLINE void tail_grow_install(struct table *table, size_t capacity, bool pinned)
{
    install(table, calloc(capacity, sizeof(void *)), capacity, pinned);
}

NOINLINE void *allocate_array(size_t capacity)
{
    return calloc(capacity, sizeof(void *));
}

NOINLINE void *allocate(size_t capacity)
{
    return allocate_array(capacity + 1);
}

NOINLINE void tail_grow_wrapper(struct table *table, size_t capacity, bool pinned)
{
    void **old = fill(table, allocate(capacity - 1), capacity);

    release(doomed(old, pinned));
}

static void grow(const char *mode, struct table *table, size_t capacity, bool pinned)
{
    if (strcmp(mode, "free") == 0)
        tail_grow_free(table, capacity, pinned);
    else if (strcmp(mode, "release") == 0)
        tail_grow_release(table, capacity, pinned);
    else if (strcmp(mode, "install") == 0)
        tail_grow_install(table, capacity, pinned);
    else if (strcmp(mode, "wrapper") == 0)
        tail_grow_wrapper(table, capacity, pinned);
    else if (strcmp(mode, "static") == 0)
        tail_grow_static(table, capacity, pinned);
    else
        exit(2);
}

int main(int count, char **arguments)
{
    if (count < 2)
        return 2;
    struct table *tables = calloc(TABLES, sizeof *tables);

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            struct table before = tables[index];
            bool pinned = round == 3 && index == 5;
            size_t capacity = before.capacity ? before.capacity * 2 : 16;

            waiting_milliseconds = count > 2 && round == 2 && index == 7 ? atol(arguments[2]) : 0;
            grow(arguments[1], &tables[index], capacity, pinned);
            if (pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = &tables[index],
                    .table_bytes = sizeof *tables,
                    .array = before.buckets,
                    .bytes = before.capacity * sizeof(void *),
                    .new_array = tables[index].buckets,
                    .new_bytes = capacity * sizeof(void *),
                });
        }
    truth_totals(TABLES, TABLES * (ROUNDS - 1));
    return 0;
}
