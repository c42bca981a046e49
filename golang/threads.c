#define _GNU_SOURCE
#include "golang/threads.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

static const int64_t PATIENCE_NS = 500000000;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool known(const struct threads *threads, pid_t id)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->items[i].id == id)
            return true;
    return false;
}

/* The state letter of a thread that lives; else 0. */
static char state_of(pid_t process, pid_t id)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)id);
    FILE *file = fopen(path, "re");
    size_t bytes = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[bytes] = 0;
    const char *name_end = strrchr(text, ')');
    return name_end && !strchr("ZXx", name_end[2]) ? name_end[2] : 0;
}

/* One that has ended meanwhile is no error; of one that is just ending it is said EPERM. */
static int seize(struct threads *threads, pid_t process, pid_t id, long options)
{
    struct thread *more = reallocarray(threads->items, threads->count + 1, sizeof *more);

    if (!more)
        return -ENOMEM;
    threads->items = more;
    if (ptrace(PTRACE_SEIZE, id, NULL, (void *)options) < 0) {
        int error = errno;
        return error == ESRCH || (error == EPERM && !state_of(process, id)) ? 0 : -error;
    }
    more[threads->count++] = (struct thread){.id = id};
    ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
    return 0;
}

/* Seizes all that are not yet; *MORE if there were any. */
static int seize_all(struct threads *threads, pid_t process, long options, bool *more)
{
    size_t before = threads->count;
    struct dirent *entry;
    char path[64];
    int error = 0;

    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *folder = opendir(path);
    if (!folder)
        return -ESRCH;
    while (!error && (entry = readdir(folder))) {
        pid_t id = (pid_t)atoi(entry->d_name);
        if (id > 0 && !known(threads, id))
            error = seize(threads, process, id, options);
    }
    closedir(folder);
    *more = threads->count > before;
    return error;
}

static void forget(struct threads *threads, size_t index)
{
    threads->items[index] = threads->items[--threads->count];
}

/*
 * One look at each thread that does not stand still: those that have ended are forgotten. The
 * first thread of a process ends only when we have taken note of the end of all others, so none
 * is waited for alone. True if all stand still.
 */
static bool all_stopped(struct threads *threads)
{
    bool all = true;

    for (size_t i = threads->count; i-- > 0;) {
        struct thread *thread = &threads->items[i];
        int status;

        if (thread->stopped)
            continue;
        pid_t got = waitpid(thread->id, &status, __WALL | WNOHANG);
        if ((got < 0 && errno == ECHILD) || (got > 0 && !WIFSTOPPED(status))) {
            forget(threads, i);
        } else if (got > 0 && status >> 16 == PTRACE_EVENT_STOP) {
            thread->stopped = true;
        } else {
            all = false;
            /*
             * A signal was there before. It goes where it was to go; its stop has
             * made the kernel forget that another is wanted.
             */
            if (got > 0) {
                ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
                ptrace(PTRACE_CONT, thread->id, NULL, (void *)(long)WSTOPSIG(status));
            }
        }
    }
    return all;
}

static void rest(void)
{
    const struct timespec moment = {.tv_nsec = 20000};

    nanosleep(&moment, NULL);
}

static long options_of(bool unfiltered)
{
    return unfiltered ? PTRACE_O_SUSPEND_SECCOMP : 0;
}

/* All that were seized stand still, or the answer is -ETIMEDOUT. */
static int wait_for_all(struct threads *threads, int64_t deadline)
{
    while (!all_stopped(threads)) {
        if (now_ns() > deadline)
            return -ETIMEDOUT;
        rest();
    }
    return 0;
}

static int finish(struct threads *threads, int error)
{
    if (!error && threads->count == 0)
        error = -ESRCH;
    if (error)
        threads_release(threads);
    return error;
}

/* A thread that sleeps, else any that lives; 0: there is none. */
static pid_t choose(pid_t process)
{
    struct dirent *entry;
    char path[64], state = 0;
    pid_t chosen = 0;

    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *folder = opendir(path);
    while (folder && state != 'S' && (entry = readdir(folder))) {
        pid_t id = (pid_t)atoi(entry->d_name);
        char its = id > 0 ? state_of(process, id) : 0;
        if (its) {
            chosen = id;
            state = its;
        }
    }
    if (folder)
        closedir(folder);
    return chosen;
}

int threads_stop_one(struct threads *threads, pid_t process, bool unfiltered)
{
    int64_t deadline = now_ns() + PATIENCE_NS;
    int error = 0;

    *threads = (struct threads){0};
    /* What was chosen may end meanwhile. */
    while (!error && threads->count == 0) {
        pid_t id = choose(process);
        error = id ? seize(threads, process, id, options_of(unfiltered)) : -ESRCH;
        if (!error)
            error = wait_for_all(threads, deadline);
        if (!error && threads->count == 0 && now_ns() > deadline)
            error = -ETIMEDOUT;
    }
    return finish(threads, error);
}

int threads_stop(struct threads *threads, pid_t process, bool unfiltered)
{
    int64_t deadline = now_ns() + PATIENCE_NS;
    bool more = true;
    int error = 0;

    /* Until a look finds nothing new while all that are known stand still. */
    while (!error && more) {
        error = seize_all(threads, process, options_of(unfiltered), &more);
        if (!error)
            error = wait_for_all(threads, deadline);
    }
    return finish(threads, error);
}

void threads_release(struct threads *threads)
{
    while (threads->count) {
        for (size_t i = threads->count; i-- > 0;) {
            struct thread *thread = &threads->items[i];
            if (thread->stopped && ptrace(PTRACE_DETACH, thread->id, NULL, NULL) == 0)
                forget(threads, i);
            else
                thread->stopped = false; /* it was killed where it stood, or has not stopped yet */
        }
        if (threads->count && !all_stopped(threads))
            rest();
    }
    free(threads->items);
    *threads = (struct threads){0};
}
