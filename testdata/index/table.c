#include "table.h"

void table_enlarge(struct table *table)
{
    size_t room = table->room + 1000;
    long *slots = realloc(table->slots, room * sizeof *slots);

    if (!slots)
        table_complain("no memory for", room);
    memset(slots + table->room, 0, 1000 * sizeof *slots);
    table->slots = slots;
    table->room = room;
}

__attribute__((noinline)) void table_retire(struct table *table)
{
    free(table->slots);
    table->slots = NULL;
    table->room = table->used = 0;
}
