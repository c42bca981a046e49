/*
 * Tables that grow by realloc: each is a resize, whether the block moves or
 * stays, and no old array ever lives on.
 *
 *     reallocated MODE
 *
 * place    grows that stay in place and grows that must move
 * failure  a growth that fails leaves the table as it was; then it grows again
 * array    reallocarray, and a first array that comes of realloc(NULL, n)
 * shrink   grows, then shrinks; at last frees by realloc(p, 0)
 */
#include "truth.h"

enum { TABLES = 12, ROUNDS = 6 };

struct table {
    size_t capacity;
    uint64_t *slots;
};

static long resizes, moves;

NOINLINE bool reallocated_grow(struct table *table, size_t capacity)
{
    uintptr_t before = (uintptr_t)table->slots;
    uint64_t *slots = realloc(table->slots, capacity * sizeof *slots);

    if (!slots)
        return false;
    resizes += before != 0;
    moves += before && before != (uintptr_t)slots;
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

NOINLINE bool reallocated_grow_array(struct table *table, size_t capacity)
{
    uintptr_t before = (uintptr_t)table->slots;
    uint64_t *slots = reallocarray(table->slots, capacity, sizeof *slots);

    if (!slots)
        return false;
    resizes += before != 0;
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

static void say_tables(const struct table *tables, int count)
{
    for (int index = 0; index < count; index++)
        truth_line("{\"is\":\"table\",\"array\":\"0x%lx\",\"bytes\":%zu}",
                   (unsigned long)tables[index].slots,
                   tables[index].capacity * sizeof *tables[index].slots);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    const char *mode = arguments[1];
    struct table *tables = calloc(TABLES, sizeof *tables);
    void *walls[ROUNDS * TABLES];
    int tables_left = TABLES;

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            size_t capacity = (size_t)64 << round;

            if (strcmp(mode, "array") == 0)
                reallocated_grow_array(&tables[index], capacity);
            else
                reallocated_grow(&tables[index], capacity);
            /* An odd table is walled in: its next growth must move. */
            walls[round * TABLES + index] = index % 2 ? malloc(64) : NULL;
            USE(walls[round * TABLES + index]);
        }
    if (strcmp(mode, "failure") == 0) {
        volatile size_t huge = SIZE_MAX / 32;

        for (int index = 0; index < TABLES; index++)
            if (reallocated_grow(&tables[index], huge))
                abort();
        for (int index = 0; index < TABLES; index += 3)
            reallocated_grow(&tables[index], 5000);
    } else if (strcmp(mode, "shrink") == 0) {
        for (int index = 0; index < TABLES; index++)
            reallocated_grow(&tables[index], 100);
        free(tables[TABLES - 1].slots);
        tables_left = TABLES - 1;
    }
    say_tables(tables, tables_left);
    truth_line("{\"is\":\"note\",\"moves\":%ld}", moves);
    truth_totals(TABLES, resizes);
    return 0;
}
