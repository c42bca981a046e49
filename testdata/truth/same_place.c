/*
 * Allocations of one call address, with one stack pointer, that differ only in
 * what stands further up the stack: some are a table's growth, others are not.
 * On the thread's own stack, and on one that is unmapped and mapped again,
 * smaller, in the same place. Prints how often the table grew.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10)

struct table {
    void **array;
    size_t count;
};
static unsigned grown;

static __attribute__((noinline)) void *take(size_t bytes)
{
    void *memory = malloc(bytes);

    if (!memory)
        exit(1);
    *(volatile char *)memory = 1;
    return memory;
}

__attribute__((noinline)) void table_grow(struct table *table, size_t count)
{
    void **array = take(count * sizeof *array);

    free(table->array);
    table->array = array;
    table->count = count;
    grown++;
}

__attribute__((noinline)) void other_grow(struct table *table, size_t count)
{
    void **array = take(count * sizeof *array);

    free(table->array);
    table->array = array;
    table->count = count;
}

static void (*volatile chosen)(struct table *, size_t);
static struct table *table, *other;
static size_t wanted;
static ucontext_t here, there;

static void in_context(void)
{
    chosen(chosen == table_grow ? table : other, wanted);
}

static char *map_stack(char *at, size_t bytes)
{
    char *stack = mmap(at, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

    if (stack == MAP_FAILED)
        exit(1);
    return stack;
}

int main(void)
{
    unsigned random = 1;

    table = calloc(1, sizeof *table);
    other = calloc(1, sizeof *other);
    if (!table || !other)
        return 1;
    for (unsigned i = 0; i < 2000; i++) {
        random = random * 1664525u + 1013904223u;
        chosen = random >> 16 & 1 ? table_grow : other_grow;
        chosen(chosen == table_grow ? table : other, 64 + i % 8);
    }
    char *stack = map_stack(NULL, STACK_BYTES);
    for (unsigned i = 0; i < 200; i++) {
        size_t bytes = STACK_BYTES >> i % 3;

        random = random * 1664525u + 1013904223u;
        chosen = random >> 16 & 1 ? table_grow : other_grow;
        wanted = 64 + i % 8;
        munmap(stack, STACK_BYTES);
        map_stack(stack, bytes);
        getcontext(&there);
        there.uc_stack.ss_sp = stack;
        there.uc_stack.ss_size = STACK_BYTES >> 2; /* the same top each time */
        there.uc_link = &here;
        makecontext(&there, in_context, 0);
        swapcontext(&here, &there);
    }
    printf("%u\n", grown);
    return 0;
}
