#define _GNU_SOURCE
#include "golang/threads.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

static const int64_t PATIENCE_NS = 100000000;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool known(const struct threads *threads, pid_t id)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->ids[i] == id)
            return true;
    return false;
}

/* -ESRCH: it has ended meanwhile. */
static int seize(struct threads *threads, pid_t id)
{
    pid_t *more = reallocarray(threads->ids, threads->count + 1, sizeof *more);

    if (!more)
        return -ENOMEM;
    threads->ids = more;
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) < 0)
        return -errno;
    more[threads->count++] = id;
    return ptrace(PTRACE_INTERRUPT, id, NULL, NULL) < 0 ? -errno : 0;
}

/* Seizes all that are not yet; *MORE if there were any. */
static int seize_all(struct threads *threads, pid_t process, bool *more)
{
    struct dirent *entry;
    char path[64];
    int error = 0;

    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *folder = opendir(path);
    if (!folder)
        return -ESRCH;
    *more = false;
    while (!error && (entry = readdir(folder))) {
        pid_t id = (pid_t)atoi(entry->d_name);
        if (id <= 0 || known(threads, id))
            continue;
        *more = true;
        error = seize(threads, id);
        if (error == -ESRCH)
            error = 0;
    }
    closedir(folder);
    return error;
}

/* Waits for the stop that was asked for: 1, 0 if the thread has ended, or -errno. */
static int wait_for(pid_t id, int64_t deadline)
{
    const struct timespec moment = {.tv_nsec = 20000};
    int status;

    for (;;) {
        pid_t got = waitpid(id, &status, __WALL | WNOHANG);

        if (got < 0)
            return errno == ECHILD ? 0 : -errno;
        if (got == 0) {
            if (now_ns() > deadline)
                return -ETIMEDOUT;
            nanosleep(&moment, NULL);
            continue;
        }
        if (!WIFSTOPPED(status))
            return 0;
        if (status >> 16 == PTRACE_EVENT_STOP)
            return 1;
        /* A signal was there before: it goes where it was to go, and then the thread stops. */
        if (ptrace(PTRACE_CONT, id, NULL, (void *)(long)WSTOPSIG(status)) < 0)
            return errno == ESRCH ? 0 : -errno;
    }
}

static int wait_for_all(struct threads *threads, size_t from)
{
    int64_t deadline = now_ns() + PATIENCE_NS;
    int error = 0;

    for (size_t i = from; i < threads->count && !error; i++) {
        int answer = wait_for(threads->ids[i], deadline);
        if (answer < 0)
            error = answer;
        else if (answer == 0)
            threads->ids[i--] = threads->ids[--threads->count];
    }
    return error;
}

int threads_stop(struct threads *threads, pid_t process)
{
    bool more = true;
    int error = 0;

    *threads = (struct threads){0};
    /* Until a look finds nothing new while all that are known stand still. */
    while (!error && more) {
        size_t before = threads->count;
        error = seize_all(threads, process, &more);
        if (!error)
            error = wait_for_all(threads, before);
    }
    if (!error && threads->count == 0)
        error = -ESRCH;
    if (error)
        threads_release(threads);
    return error;
}

/* One that has not stopped yet cannot be detached from before it does. */
static void release(pid_t id)
{
    if (ptrace(PTRACE_DETACH, id, NULL, NULL) == 0 || errno != ESRCH)
        return;
    if (wait_for(id, now_ns() + 10 * PATIENCE_NS) == 1)
        ptrace(PTRACE_DETACH, id, NULL, NULL);
}

void threads_release(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        release(threads->ids[i]);
    free(threads->ids);
    *threads = (struct threads){0};
}
