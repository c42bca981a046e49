/*
 * Every way to end and to start another program, with growing tables on each
 * side.
 *
 *     processes MODE
 *
 * Set TRUTH_FILE: several processes tell the truth, some without descriptors.
 * The modes are the functions in the table at the end.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>

#include "processes.h"

static const char *program;

/* Ways to end. */

static void end_exit(void)
{
    grow_all(3);
    leak(&tables[1]);
    exit(5);
}

static void end_raw(void)
{
    grow_all(3);
    leak(&tables[1]);
    _exit(5);
}

static void end_quick(void)
{
    grow_all(3);
    leak(&tables[1]);
    quick_exit(5);
}

static void end_abort(void)
{
    grow_all(3);
    leak(&tables[1]);
    abort();
}

static void end_kill(void)
{
    grow_all(3);
    leak(&tables[1]);
    kill(getpid(), SIGKILL);
}

static void end_kill_silently(void)
{
    grow_all(3);
    leak_silently(&tables[1]);
    kill(getpid(), SIGKILL);
}

/* Dies between the allocation of the new array and the release of the old one. */
NOINLINE void process_grow_and_die(struct table *table)
{
    void **buckets = calloc(table->capacity * 2, sizeof *buckets);

    USE(buckets);
    memcpy(buckets, table->buckets, table->capacity * sizeof *buckets);
    kill(getpid(), SIGKILL);
    free(table->buckets);
    table->buckets = buckets;
}

static void end_kill_midst(void)
{
    grow_all(3);
    process_grow_and_die(&tables[2]);
}

/* Leaks, then lives until it is killed. */
static void lives(void)
{
    grow_all(3);
    leak(&tables[2]);
    truth_line("{\"is\":\"note\",\"ready\":true}");
    for (;;)
        sleep_milliseconds(1000);
}

/* Other programs. */

static void exec_self(void)
{
    grow_all(2);
    leak(&tables[0]);
    execl(program, program, "leaf", NULL);
}

static void exec_other(void)
{
    grow_all(2);
    leak(&tables[0]);
    execl("/bin/true", "true", NULL);
}

static void child_vfork(void)
{
    grow_all(2);
    pid_t child = vfork();
    if (child == 0) {
        execl(program, program, "leaf", NULL);
        _exit(1);
    }
    wait_for(child);
    leak(&tables[1]);
}

static void child_spawn(void)
{
    char mode[] = "leaf";
    char *arguments[] = {(char *)program, mode, NULL};
    extern char **environ;
    pid_t child;

    grow_all(2);
    if (posix_spawn(&child, program, NULL, NULL, arguments, environ) != 0)
        abort();
    leak(&tables[1]);
    wait_for(child);
}

static void child_system(void)
{
    char command[600];

    grow_all(2);
    snprintf(command, sizeof command, "%s leaf; true; cat /dev/null", program);
    if (system(command) != 0)
        abort();
    leak(&tables[1]);
}

static const struct mode modes[] = {
    {"exit", end_exit},
    {"raw-exit", end_raw},
    {"quick-exit", end_quick},
    {"abort", end_abort},
    {"kill", end_kill},
    {"kill-silently", end_kill_silently},
    {"kill-midst", end_kill_midst},
    {"lives", lives},
    {"leaf", leaf},
    {"exec-self", exec_self},
    {"exec-other", exec_other},
    {"vfork", child_vfork},
    {"spawn", child_spawn},
    {"system", child_system},
};

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    program = arguments[0];
    return run_mode(modes, sizeof modes / sizeof *modes, arguments[1]);
}
