/*
 * A grow function that is left by longjmp after it has allocated the new
 * array: the old one stays in use, and nothing was replaced.
 *
 *     unwound MODE
 *
 * freed   who catches the jump frees the new array
 * lost    nobody does: the program leaks it, but no array outlived its resize
 */
#include <setjmp.h>

#include "truth.h"

enum { TABLES = 7, ROUNDS = 6 };

struct table {
    size_t capacity;
    void **buckets;
};

static jmp_buf escape;
static void *volatile halfway;
static volatile bool jumps;

NOINLINE void unwound_fill(void **buckets, const struct table *table)
{
    if (jumps) {
        halfway = buckets;
        longjmp(escape, 1);
    }
    if (table->buckets)
        memcpy(buckets, table->buckets, table->capacity * sizeof *buckets);
}

NOINLINE void unwound_grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    unwound_fill(buckets, table);
    free(table->buckets);
    table->buckets = buckets;
    table->capacity = capacity;
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    bool frees = strcmp(arguments[1], "freed") == 0;
    static struct table tables[TABLES];

    for (volatile int round = 0; round < ROUNDS; round++)
        for (volatile int index = 0; index < TABLES; index++) {
            jumps = round == 3 && index % 3 == 1;
            if (setjmp(escape) == 0) {
                unwound_grow(&tables[index]);
            } else {
                truth_line("{\"is\":\"note\",\"lost\":\"0x%lx\"}", (unsigned long)halfway);
                if (frees)
                    free(halfway);
                jumps = false;
            }
        }
    for (int index = 0; index < TABLES; index++)
        truth_line("{\"is\":\"table\",\"array\":\"0x%lx\",\"bytes\":%zu}",
                   (unsigned long)tables[index].buckets, tables[index].capacity * sizeof(void *));
    /* An abandoned new array may pass for the first one of another table. */
    truth_line("{\"is\":\"totals\",\"tables\":[%d,%d],\"resizes\":%d}", TABLES, TABLES + 2,
               TABLES * (ROUNDS - 1) - 2);
    return 0;
}
