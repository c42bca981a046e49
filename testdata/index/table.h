/* A hash table whose growth is inlined, sliced up and copied in every way a compiler knows. */
#ifndef TESTDATA_INDEX_TABLE_H
#define TESTDATA_INDEX_TABLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    long *slots;
    size_t room, used;
};

/* In table.c: inlined by link time optimization alone. */
void table_enlarge(struct table *table);
void table_retire(struct table *table);

__attribute__((cold, noinline)) static void table_complain(const char *what, size_t bytes)
{
    fprintf(stderr, "%s %zu\n", what, bytes);
    exit(1);
}

static inline __attribute__((always_inline)) void table_grow(struct table *table)
{
    size_t room = table->room ? table->room * 2 : 8;
    long *slots = (long *)calloc(room, sizeof *slots);

    if (!slots)
        table_complain("no memory for", room);
    for (size_t i = 0; i < table->room; i++) {
        long key = table->slots[i];
        if (key)
            slots[(size_t)key % room] = key;
    }
    free(table->slots);
    table->slots = slots;
    table->room = room;
}

static inline void table_put(struct table *table, long key)
{
    if (table->used * 2 >= table->room)
        table_grow(table);
    table->slots[(size_t)key % table->room] = key;
    table->used++;
}

#endif
