/*
 * A library to preload into GNU ld and its like: says what is true of libbfd's
 * hash tables by looking at each before and after an insertion. Appends to the
 * file that BFD_GROWTH names:
 *
 *     grown TABLE OLD_ARRAY OLD_BUCKETS NEW_ARRAY NEW_BUCKETS
 *     freed TABLE
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The beginning of struct bfd_hash_table, as in binutils 2.40. */
struct bfd_hash_table {
    void **table;
    void *newfunc;
    void *memory;
    unsigned int size;
};

void *bfd_hash_insert(struct bfd_hash_table *, const char *, unsigned long);
void bfd_hash_table_free(struct bfd_hash_table *);

static void tell(const char *format, ...)
{
    va_list arguments;
    FILE *output = fopen(getenv("BFD_GROWTH"), "a");

    va_start(arguments, format);
    vfprintf(output, format, arguments);
    va_end(arguments);
    fclose(output);
}

void *bfd_hash_insert(struct bfd_hash_table *table, const char *string, unsigned long hash)
{
    static void *(*next)(struct bfd_hash_table *, const char *, unsigned long);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "bfd_hash_insert");

    void *old = table->table;
    unsigned int buckets = table->size;
    void *entry = next(table, string, hash);
    if (table->table != old)
        tell("grown %p %p %u %p %u\n", (void *)table, old, buckets, (void *)table->table,
             table->size);
    return entry;
}

void bfd_hash_table_free(struct bfd_hash_table *table)
{
    static void (*next)(struct bfd_hash_table *);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "bfd_hash_table_free");
    tell("freed %p\n", (void *)table);
    next(table);
}
