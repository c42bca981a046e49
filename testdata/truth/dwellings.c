/*
 * Where a table can live, and what can happen to it between two growths.
 * Nothing ever leaks.
 *
 *     dwellings MODE
 *
 * local      in a stack frame, at many depths, again and again
 * global     static tables
 * moving     in an array that moves them as it grows
 * swapped    two tables change places
 * rebuilt    the new array is made in a temporary table, which is swapped in
 * stolen     moved-from, as a C++ move does; both grow again
 * shrunk     to smaller arrays, and to the same size
 * cleared    emptied to no array at all, then grown
 * destroyed  freed with the table, which is then made anew
 * outside    the first array is not made by the grow function
 */
#include "truth.h"

enum { TABLES = 30, ROUNDS = 5 };

struct table {
    size_t capacity;
    void **buckets;
};

static long tables_low, tables_high, resizes_low, resizes_high;

static void count_tables(long count)
{
    tables_low += count;
    tables_high += count;
}

static void count_resizes(long count)
{
    resizes_low += count;
    resizes_high += count;
}

NOINLINE void dwelling_resize(struct table *table, size_t capacity)
{
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old,
               (capacity < table->capacity ? capacity : table->capacity) * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    free(old);
    USE(table);
}

static void destroy(struct table *table)
{
    free(table->buckets);
    *table = (struct table){0};
}

NOINLINE void dwelling_rebuild(struct table *table, size_t capacity)
{
    struct table fresh = {capacity, calloc(capacity, sizeof *fresh.buckets)};

    if (!fresh.buckets)
        abort();
    for (size_t index = 0; index < table->capacity && index < capacity; index++)
        fresh.buckets[index] = table->buckets[index];
    struct table old = *table;
    *table = fresh;
    destroy(&old);
    USE(&old);
}

static void grow(struct table *table)
{
    count_resizes(table->buckets != NULL);
    dwelling_resize(table, table->capacity ? table->capacity * 2 : 8);
}

NOINLINE static void local(int depth)
{
    struct table table = {0};

    USE(&table);
    for (int round = 0; round < ROUNDS; round++)
        grow(&table);
    if (depth > 0)
        local(depth - 1);
    grow(&table);
    destroy(&table);
}

static void global(void)
{
    static struct table tables[TABLES];

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++)
            grow(&tables[index]);
    count_tables(TABLES);
}

static void moving(void)
{
    struct table *tables = NULL;

    for (int count = 1; count <= TABLES; count++) {
        tables = realloc(tables, (size_t)count * sizeof *tables);
        tables[count - 1] = (struct table){0};
        for (int index = 0; index < count; index++)
            if (tables[index].capacity < 4096)
                grow(&tables[index]);
    }
    count_tables(TABLES);
    USE(tables);
}

static void swapped(struct table *tables)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int index = 0; index < TABLES; index++)
            grow(&tables[index]);
        for (int index = 0; index + 1 < TABLES; index += 2) {
            struct table kept = tables[index];

            tables[index] = tables[index + 1];
            tables[index + 1] = kept;
        }
        for (int index = 0; index < TABLES; index += 3)
            grow(&tables[index]);
    }
    count_tables(TABLES);
}

static void rebuilt(struct table *tables)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            count_resizes(tables[index].buckets != NULL);
            dwelling_rebuild(&tables[index], (size_t)8 << round);
        }
    count_tables(TABLES);
}

static void stolen(struct table *tables)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            grow(&tables[index]);
            struct table thief = tables[index];
            tables[index] = (struct table){0};
            USE(&thief);
            grow(&thief);
            grow(&tables[index]);
            destroy(&tables[index]);
            tables[index] = thief;
        }
    tables_low += TABLES;
    tables_high += TABLES * (1 + ROUNDS);
}

static void shrunk(struct table *tables)
{
    static const size_t sizes[] = {64, 128, 128, 32, 8, 8, 16};

    for (size_t step = 0; step < sizeof sizes / sizeof *sizes; step++)
        for (int index = 0; index < TABLES; index++) {
            count_resizes(step > 0);
            dwelling_resize(&tables[index], sizes[step]);
        }
    count_tables(TABLES);
}

static void cleared(struct table *tables)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            grow(&tables[index]);
            grow(&tables[index]);
            if (index % 3 == round % 3)
                destroy(&tables[index]);
        }
    tables_low += TABLES;
    tables_high += TABLES * ROUNDS;
}

static void destroyed(void)
{
    struct table *tables[TABLES];

    for (int round = 0; round < ROUNDS; round++) {
        for (int index = 0; index < TABLES; index++) {
            tables[index] = calloc(1, sizeof *tables[index]);
            for (int step = 0; step < 3; step++)
                grow(tables[index]);
        }
        for (int index = 0; index < TABLES; index++) {
            grow(tables[index]);
            destroy(tables[index]);
            free(tables[index]);
        }
    }
    tables_low += TABLES;
    tables_high += TABLES * ROUNDS;
}

/* The guest need not know of an array that no grow function made. */
static void outside(struct table *tables)
{
    for (int index = 0; index < TABLES; index++) {
        tables[index] = (struct table){8, calloc(8, sizeof *tables[index].buckets)};
        for (int round = 0; round < ROUNDS; round++)
            grow(&tables[index]);
    }
    resizes_low -= TABLES;
    count_tables(TABLES);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    const char *mode = arguments[1];
    struct table *tables = calloc(TABLES, sizeof *tables);

    if (strcmp(mode, "local") == 0) {
        for (int turn = 0; turn < TABLES; turn++)
            local(turn % 4);
        tables_low = 4;
        tables_high = 1000;
    } else if (strcmp(mode, "global") == 0) {
        global();
    } else if (strcmp(mode, "moving") == 0) {
        moving();
    } else if (strcmp(mode, "swapped") == 0) {
        swapped(tables);
    } else if (strcmp(mode, "rebuilt") == 0) {
        rebuilt(tables);
    } else if (strcmp(mode, "stolen") == 0) {
        stolen(tables);
    } else if (strcmp(mode, "shrunk") == 0) {
        shrunk(tables);
    } else if (strcmp(mode, "cleared") == 0) {
        cleared(tables);
    } else if (strcmp(mode, "destroyed") == 0) {
        destroyed();
    } else if (strcmp(mode, "outside") == 0) {
        outside(tables);
    } else {
        return 2;
    }
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":[%ld,%ld],\"resizes\":[%ld,%ld]}",
               (long)getpid(), tables_low, tables_high, resizes_low, resizes_high);
    return 0;
}
