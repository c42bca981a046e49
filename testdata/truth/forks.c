/*
 * Forks, with growing tables on each side.
 *
 *     forks MODE
 *
 * Set TRUTH_FILE: several processes tell the truth, some without descriptors.
 * The modes are the functions in the table at the end.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "processes.h"

static const char *program;

static void fork_child_leaks(void)
{
    grow_all(3);
    pid_t child = fork();
    if (child == 0) {
        struct table fresh = {0};

        for (int time = 0; time < 3; time++)
            grow(&fresh);
        leak(&fresh);
        exit(0);
    }
    wait_for(child);
    grow_all(1);
}

static void fork_parent_leaks(void)
{
    grow_all(3);
    pid_t child = fork();
    if (child == 0) {
        struct table fresh = {0};

        for (int time = 0; time < 3; time++)
            grow(&fresh);
        exit(0);
    }
    leak(&tables[4]);
    wait_for(child);
}

static void fork_both_leak(void)
{
    grow_all(3);
    pid_t child = fork();
    leak(&tables[child == 0 ? 0 : 5]);
    if (child == 0)
        exit(0);
    wait_for(child);
}

/* The child lets go what it inherited, and makes tables anew, at the same places. */
static void fork_child_releases(void)
{
    grow_all(3);
    pid_t child = fork();
    if (child == 0) {
        release_all();
        grow_all(4);
        exit(0);
    }
    wait_for(child);
    grow_all(1);
}

/* The child grows what it inherited: resizes of its own, of the parent's arrays. */
static void fork_child_grows_on(void)
{
    grow_all(3);
    pid_t child = fork();
    if (child == 0) {
        grow_all(1);
        grow_all(1);
        exit(0);
    }
    wait_for(child);
    grow_all(1);
}

/* What leaked before the fork is the parent's, and must be told once. */
static void fork_after_leak(void)
{
    grow_all(2);
    leak(&tables[2]);
    pid_t child = fork();
    if (child == 0) {
        grow_all(2);
        sleep_milliseconds(300);
        exit(0);
    }
    wait_for(child);
}

/* Nothing of the rules happens in the child: it may leave no file. */
static void fork_idle(void)
{
    grow_all(2);
    pid_t child = fork();
    if (child == 0) {
        free(malloc(1000));
        exit(0);
    }
    wait_for(child);
    leak(&tables[0]);
}

static void fork_then_raw_exit(void)
{
    grow_all(2);
    pid_t child = fork();
    if (child == 0) {
        leak(&tables[0]);
        _exit(0);
    }
    wait_for(child);
}

/* A child that is killed, of a parent that is killed. */
static void fork_killed(void)
{
    grow_all(2);
    pid_t child = fork();
    leak(&tables[child == 0 ? 0 : 1]);
    if (child == 0)
        kill(getpid(), SIGKILL);
    waitpid(child, NULL, 0);
    kill(getpid(), SIGKILL);
}

static void nested(void)
{
    grow_all(2);
    for (int depth = 0; depth < 3; depth++) {
        leak(&tables[depth]);
        pid_t child = fork();
        if (child != 0) {
            wait_for(child);
            return;
        }
    }
    leak(&tables[5]);
}

/* Forks inside a grow function: parent and child both finish their copy of it. */
NOINLINE pid_t process_grow_and_fork(struct table *table)
{
    void **old = table->buckets;
    void **buckets = calloc(table->capacity * 2, sizeof *buckets);

    if (!buckets)
        abort();
    memcpy(buckets, old, table->capacity * sizeof *buckets);
    pid_t child = fork();
    table->buckets = buckets;
    table->capacity *= 2;
    free(old);
    return child;
}

static void fork_midst(void)
{
    grow_all(3);
    pid_t child = process_grow_and_fork(&tables[1]);
    grow_all(1);
    if (child == 0) {
        leak(&tables[1]);
        exit(0);
    }
    wait_for(child);
    leak(&tables[2]);
}

static void fork_then_exec(void)
{
    grow_all(2);
    pid_t child = fork();
    if (child == 0) {
        leak(&tables[0]);
        execl(program, program, "leaf", NULL);
        _exit(1);
    }
    wait_for(child);
}

/* Threads. */

static atomic_bool stop;

static void *keep_growing(void *unused)
{
    (void)unused;
    while (!stop) {
        struct table table = {0};

        for (int time = 0; time < 8; time++) {
            grow(&table);
            void *block = malloc(100 + (size_t)time * 1000);
            USE(block);
            free(block);
        }
        free(table.buckets);
    }
    return NULL;
}

static void fork_threads(void)
{
    enum { THREADS = 4, CHILDREN = 40 };
    pthread_t threads[THREADS];

    grow_all(3);
    for (int number = 0; number < THREADS; number++)
        if (pthread_create(&threads[number], NULL, keep_growing, NULL) != 0)
            abort();
    for (int number = 0; number < CHILDREN; number++) {
        pid_t child = fork();
        if (child == 0) {
            grow_all(1);
            if (number % 10 == 3)
                leak(&tables[number % TABLES]);
            release_all();
            exit(0);
        }
        wait_for(child);
    }
    stop = true;
    for (int number = 0; number < THREADS; number++)
        pthread_join(threads[number], NULL);
    leak(&tables[0]);
}

/* What daemon() does, and then some: two forks, all descriptors closed. */
static void daemonized(void)
{
    grow_all(3);
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        if (chdir("/") != 0)
            abort();
        umask(0);
        close_range(0, ~0u, 0);
        grow_all(2);
        leak(&tables[3]);
        truth_line("{\"is\":\"note\",\"daemon\":%ld}", (long)getpid());
        exit(0);
    }
    wait_for(child);
}

/* The child waits for the file "go" before it grows anything. */
static void fork_waits(void)
{
    struct stat status;

    grow_all(2);
    pid_t child = fork();
    if (child == 0) {
        truth_line("{\"is\":\"note\",\"child\":%ld}", (long)getpid());
        while (stat("go", &status) != 0)
            sleep_milliseconds(5);
        table_grow(&tables[0], true);
        exit(0);
    }
    wait_for(child);
}

static const struct mode modes[] = {
    {"fork-child-leaks", fork_child_leaks},
    {"fork-parent-leaks", fork_parent_leaks},
    {"fork-both-leak", fork_both_leak},
    {"fork-child-releases", fork_child_releases},
    {"fork-child-grows-on", fork_child_grows_on},
    {"fork-after-leak", fork_after_leak},
    {"fork-idle", fork_idle},
    {"fork-raw-exit", fork_then_raw_exit},
    {"fork-killed", fork_killed},
    {"fork-exec", fork_then_exec},
    {"fork-midst", fork_midst},
    {"fork-threads", fork_threads},
    {"fork-waits", fork_waits},
    {"nested", nested},
    {"daemon", daemonized},
    {"leaf", leaf},
};

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    program = arguments[0];
    return run_mode(modes, sizeof modes / sizeof *modes, arguments[1]);
}
