/*
 * A grow function that is inlined into its two callers and has no symbol.
 * One table of each caller leaks an old array.
 */
#include "truth.h"

enum { TABLES = 9, ROUNDS = 5 };

struct table {
    size_t used, capacity;
    void **buckets;
    bool pinned;
};

static ALWAYS_INLINE void inlined_grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 8;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    for (size_t index = 0; index < table->capacity; index++)
        buckets[index] = old[index];
    table->buckets = buckets;
    table->capacity = capacity;
    if (!table->pinned)
        free(old);
}

NOINLINE void insert(struct table *table, void *value)
{
    if (table->used == table->capacity)
        inlined_grow(table);
    table->buckets[table->used++] = value;
}

/* Allocates for itself, too: what is not the inlined copy's is no array. */
NOINLINE char *reserve(struct table *table, size_t extra)
{
    char *note = malloc(100);

    USE(note);
    for (size_t want = table->used + extra; table->capacity < want;)
        inlined_grow(table);
    char *other = malloc(200);
    USE(other);
    free(note);
    return other;
}

int main(void)
{
    struct table *tables = calloc(TABLES * 2, sizeof *tables);
    long resizes = 0;

    for (int round = 0; round < ROUNDS; round++)
        for (int index = 0; index < TABLES * 2; index++) {
            struct table *table = &tables[index];
            void **old = table->buckets;
            size_t bytes = table->capacity * sizeof *old;

            table->pinned = round == 3 && index % TABLES == 4;
            if (index < TABLES) {
                table->used = table->capacity;
                insert(table, tables);
            } else {
                table->used = table->capacity;
                free(reserve(table, 1));
            }
            resizes += old != NULL;
            if (table->pinned)
                truth_finding((struct truth){
                    .kind = "leaked",
                    .table = table,
                    .table_bytes = sizeof *table,
                    .array = old,
                    .bytes = bytes,
                    .new_array = table->buckets,
                    .new_bytes = table->capacity * sizeof *old,
                });
        }
    truth_totals(TABLES * 2, resizes);
    return 0;
}
