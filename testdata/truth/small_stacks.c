/*
 * Tables grown where the stack is small or strange. Nothing leaks, but for one
 * old array at the end of each mode.
 *
 *     small_stacks MODE
 *
 * threads     in threads with the smallest stack there may be
 * sixteen     in threads with 16 KiB
 * coroutines  in coroutines that grow tables in turn, on stacks of their own
 * switching   the same, and they change places in the middle of a grow function
 * alternate   in a signal handler on an alternate stack of 16 KiB
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

static void give_way_halfway(void);
#define TABLE_HALFWAY() give_way_halfway()
#include "table.h"

enum { WORKERS = 8, ROUNDS = 7 };

static struct table tables[WORKERS];
static long resizes;

/* Coroutines only: gives way to the next one. */
static ucontext_t contexts[WORKERS], home;
static bool coroutines, switching;
static bool ended[WORKERS];
static int current;

static void give_way(void)
{
    int before = current;

    if (!coroutines)
        return;
    do
        current = (current + 1) % WORKERS;
    while (ended[current]);
    if (current != before)
        swapcontext(&contexts[before], &contexts[current]);
}

static void give_way_halfway(void)
{
    if (switching)
        give_way();
}

static void *work(void *argument)
{
    struct table *table = argument;

    for (int round = 0; round < ROUNDS; round++) {
        table_grow(table, false);
        give_way();
    }
    return NULL;
}

static void in_threads(size_t stack_bytes)
{
    pthread_attr_t attributes;
    pthread_t threads[WORKERS];

    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, stack_bytes) != 0)
        abort();
    for (int index = 0; index < WORKERS; index++)
        if (pthread_create(&threads[index], &attributes, work, &tables[index]) != 0)
            abort();
    for (int index = 0; index < WORKERS; index++)
        pthread_join(threads[index], NULL);
}

static void coroutine(int index)
{
    work(&tables[index]);
    ended[index] = true;
    for (int other = 0; other < WORKERS; other++)
        if (!ended[other]) {
            current = other;
            setcontext(&contexts[other]);
        }
    coroutines = switching = false;
    setcontext(&home);
}

static void in_coroutines(bool in_the_middle)
{
    enum { STACK_BYTES = 32 << 10 };

    for (int index = 0; index < WORKERS; index++) {
        getcontext(&contexts[index]);
        contexts[index].uc_stack.ss_sp = malloc(STACK_BYTES);
        contexts[index].uc_stack.ss_size = STACK_BYTES;
        contexts[index].uc_link = NULL;
        makecontext(&contexts[index], (void (*)(void))coroutine, 1, index);
    }
    coroutines = true;
    switching = in_the_middle;
    current = 0;
    swapcontext(&home, &contexts[0]);
}

static void handle(int number)
{
    static int next;

    (void)number;
    work(&tables[next++]);
}

static void in_handler(void)
{
    enum { STACK_BYTES = 16 << 10 };
    stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};

    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        abort();
    for (int index = 0; index < WORKERS; index++)
        raise(SIGUSR1);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    const char *mode = arguments[1];

    if (strcmp(mode, "threads") == 0)
        in_threads((size_t)sysconf(_SC_THREAD_STACK_MIN));
    else if (strcmp(mode, "sixteen") == 0)
        in_threads(16 << 10);
    else if (strcmp(mode, "coroutines") == 0)
        in_coroutines(false);
    else if (strcmp(mode, "switching") == 0)
        in_coroutines(true);
    else if (strcmp(mode, "alternate") == 0)
        in_handler();
    else
        return 2;
    resizes = WORKERS * (ROUNDS - 1) + 1;
    truth_finding(table_leak(&tables[3]));
    truth_totals(WORKERS, resizes);
    return 0;
}
