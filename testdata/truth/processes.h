/*
 * What processes.c and forks.c have in common: a few tables, and growth that
 * leaks an old array when asked to.
 */
#ifndef MAPTRACE_TESTDATA_PROCESSES_H
#define MAPTRACE_TESTDATA_PROCESSES_H

#include <sys/wait.h>

#include "table.h"

enum { TABLES = 6 };

static struct table tables[TABLES];

/* Grows TABLE for good. */
static inline void grow(struct table *table)
{
    table_grow(table, false);
}

/* Grows TABLE and keeps the old array. Nothing is allocated or freed after that. */
static inline void leak_silently(struct table *table)
{
    truth_finding(table_leak(table));
}

/* What any program does sooner or later: then all can know that the grow function is over. */
static inline void go_on(void)
{
    void *block = malloc(24);

    USE(block);
    free(block);
}

static inline void leak(struct table *table)
{
    leak_silently(table);
    go_on();
}

static inline void grow_all(int times)
{
    for (int time = 0; time < times; time++)
        for (int index = 0; index < TABLES; index++)
            grow(&tables[index]);
}

static inline void release_all(void)
{
    for (int index = 0; index < TABLES; index++)
        table_release(&tables[index]);
}

static inline void wait_for(pid_t child)
{
    int status;

    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0)
        abort();
}

/* What a program does that another one has started. */
static inline void leaf(void)
{
    grow_all(2);
    leak(&tables[3]);
}

struct mode {
    const char *name;
    void (*run)(void);
};

/* Runs what the first argument names; the exit status. */
static inline int run_mode(const struct mode *modes, size_t count, const char *wanted)
{
    for (size_t index = 0; index < count; index++)
        if (strcmp(modes[index].name, wanted) == 0) {
            modes[index].run();
            return 0;
        }
    return 2;
}

#endif
