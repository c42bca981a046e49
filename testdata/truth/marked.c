/*
 * Everything that can come between the call that a grow function makes and the
 * allocation at its end: another stack (above and below this one) that
 * allocates or grows a table of its own, a signal handler, on the stack or on
 * one of its own, a jump out of the grow. On the first thread and on another.
 * Prints how many arrays and how many tables were made.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))
#define STACK_BYTES ((size_t)256 << 10)
#define ROUNDS 400

struct table {
    void **array;
    size_t count;
};

enum disturbance { NONE, OTHER_STACK, OTHER_GROWS, SIGNAL, JUMP, DISTURBANCES };

static unsigned arrays, tables;
static __thread enum disturbance next;
static __thread jmp_buf out;
static __thread ucontext_t here, there[2];
static __thread unsigned side;
static __thread struct table *of_stack[2];

static NOINLINE void *plain(size_t bytes)
{
    void *memory = malloc(bytes);

    if (!memory)
        exit(1);
    *(volatile char *)memory = 1;
    return memory;
}

static NOINLINE int plain_beneath(unsigned frames)
{
    volatile char room[64];

    room[0] = (char)frames;
    if (frames)
        return plain_beneath(frames - 1) + room[0];
    for (unsigned i = 0; i < 20; i++)
        free(plain(8 + 8 * i));
    return 0;
}

static NOINLINE void disturb(void);

static NOINLINE void *take(size_t bytes)
{
    disturb();
    return plain(bytes);
}

static size_t next_count(const struct table *table)
{
    return table->count && table->count < 1024 ? 2 * table->count : 8;
}

static void replace(struct table *table, void **array, size_t count)
{
    memset(array, 0, count * sizeof *array);
    free(table->array);
    table->array = array;
    table->count = count;
    __atomic_add_fetch(&arrays, 1, __ATOMIC_RELAXED);
}

NOINLINE void marked_grow(struct table *table)
{
    size_t count = next_count(table);

    replace(table, take(count * sizeof *table->array), count);
}

/* The same, but no call can be redirected: they are made by pointers. */
static void *(*volatile taker)(size_t) = take;
static size_t (*volatile counter)(const struct table *) = next_count;
static void (*volatile replacer)(struct table *, void **, size_t) = replace;

NOINLINE void marked_grow_by_pointers(struct table *table)
{
    size_t count = counter(table);

    replacer(table, taker(count * sizeof *table->array), count);
}

/* What a stack of its own does each time it is switched to. */
static void on_other_stack(void)
{
    for (;;) {
        plain_beneath(0);
        plain_beneath(9);
        if (next == OTHER_GROWS) {
            next = OTHER_STACK; /* in the midst of this grow the first stack goes on */
            marked_grow(of_stack[side]);
        }
        swapcontext(&there[side], &here);
    }
}

static NOINLINE void disturb(void)
{
    static __thread bool inside;
    enum disturbance what = next;

    if (inside) { /* in a grow on the other stack */
        swapcontext(&there[side], &here);
        return;
    }
    if (what == NONE)
        return;
    if (what == JUMP)
        longjmp(out, 1);
    if (what == SIGNAL) {
        raise(side ? SIGUSR1 : SIGUSR2);
        return;
    }
    inside = what == OTHER_GROWS;
    swapcontext(&here, &there[side]);
    plain_beneath(3);
    if (inside) { /* its grow ends */
        inside = false;
        next = NONE;
        swapcontext(&here, &there[side]);
    }
    inside = false;
}

static void handler(int number)
{
    (void)number;
    plain_beneath(2);
}

static NOINLINE void jump_out(struct table *table)
{
    if (!setjmp(out)) {
        next = JUMP;
        marked_grow(table);
    }
}

static char *map_stack(void)
{
    char *stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stack == MAP_FAILED)
        exit(1);
    return stack;
}

static void *rounds(void *above)
{
    char *stacks[2] = {above, map_stack()};
    struct table *own = calloc(1, sizeof *own);
    stack_t alternate = {.ss_sp = map_stack(), .ss_size = STACK_BYTES};

    sigaltstack(&alternate, NULL);
    __atomic_add_fetch(&tables, 1, __ATOMIC_RELAXED);
    for (side = 0; side < 2; side++) {
        of_stack[side] = calloc(1, sizeof(struct table));
        __atomic_add_fetch(&tables, 1, __ATOMIC_RELAXED);
        getcontext(&there[side]);
        there[side].uc_stack.ss_sp = stacks[side];
        there[side].uc_stack.ss_size = STACK_BYTES;
        makecontext(&there[side], on_other_stack, 0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        side = i / DISTURBANCES % 2;
        next = i % DISTURBANCES;
        plain_beneath(i % 13);
        if (next == JUMP)
            jump_out(own);
        next = i % DISTURBANCES == JUMP ? NONE : i % DISTURBANCES;
        if (i % 3)
            marked_grow(own);
        else
            marked_grow_by_pointers(own);
        next = NONE;
        plain_beneath(i % 7);
    }
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    pthread_t thread;

    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    rounds(map_stack());
    /* What is mapped before a thread's stack lies above it. */
    if (pthread_create(&thread, NULL, rounds, map_stack()) || pthread_join(thread, NULL))
        return 1;
    printf("%u %u\n", arrays, tables);
    return 0;
}
