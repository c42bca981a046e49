#include "table.h"

__attribute__((noinline)) static long fill(struct table *table, long count)
{
    long sum = 0;

    for (long key = 1; key <= count; key++) {
        table_put(table, key * 7);
        sum += key;
    }
    return sum;
}

__attribute__((noinline)) static void squares(struct table *table, long count)
{
    for (long key = 1; key <= count; key++) {
        if (key & 1)
            table_put(table, key * key);
        else
            table_put(table, key);
    }
    table_enlarge(table);
}

int main(int argc, char **argv)
{
    struct table table = {0};
    long sum = fill(&table, argc * 1000L);

    (void)argv;
    squares(&table, argc * 100L);
    printf("%ld %zu\n", sum, table.used);
    table_retire(&table);
    return 0;
}
