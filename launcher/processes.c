#define _GNU_SOURCE
#include "launcher/processes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct process *processes_find(const struct processes *processes, pid_t pid)
{
    for (size_t i = 0; i < processes->count; i++)
        if (processes->items[i].pid == pid)
            return &processes->items[i];
    return NULL;
}

static int add(struct processes *processes, pid_t pid, pid_t parent)
{
    struct process *more = reallocarray(processes->items, processes->count + 1, sizeof *more);

    if (!more)
        return -ENOMEM;
    processes->items = more;
    more[processes->count++] = (struct process){.pid = pid, .parent = parent};
    return 0;
}

int processes_begin(struct processes *processes, pid_t root)
{
    *processes = (struct processes){.newest = root};
    return add(processes, root, 0);
}

void processes_end(struct processes *processes)
{
    free(processes->items);
    *processes = (struct processes){0};
}

/* The last one of /proc/loadavg; 0: not known. */
static pid_t newest_process(void)
{
    FILE *file = fopen("/proc/loadavg", "re");
    int newest = 0;

    if (file) {
        if (fscanf(file, "%*s %*s %*s %*s %d", &newest) != 1)
            newest = 0;
        fclose(file);
    }
    return newest;
}

/* 0 where there is no such process any more. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[256], state;
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = 0;
    /* The name before may hold anything. */
    const char *after = strrchr(text, ')');
    return after && sscanf(after + 1, " %c %d", &state, &parent) == 2 ? parent : 0;
}

/* Process ids are given in order, and begin again from below: who came since FROM? */
static bool came_since(pid_t pid, pid_t from, pid_t newest)
{
    return from <= newest ? pid > from && pid <= newest : pid > from || pid <= newest;
}

static int by_number(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

    return (a > b) - (a < b);
}

/* Adds all that came since the last look: parents have lower numbers than children, mostly. */
static int add_new(struct processes *processes, pid_t newest)
{
    pid_t *pids = NULL;
    size_t count = 0, room = 0;
    struct dirent *entry;
    int error = 0;
    DIR *folder = opendir("/proc");

    while (folder && !error && (entry = readdir(folder))) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || !came_since(pid, processes->newest, newest))
            continue;
        if (count == room) {
            room = 2 * room + 64;
            pid_t *more = reallocarray(pids, room, sizeof *pids);
            error = more ? 0 : -ENOMEM;
            pids = more ? more : pids;
        }
        if (!error)
            pids[count++] = pid;
    }
    if (folder)
        closedir(folder);
    if (count)
        qsort(pids, count, sizeof *pids, by_number);
    for (size_t i = 0; i < count && !error; i++) {
        pid_t parent = parent_of(pids[i]);
        if (parent && processes_find(processes, parent) && !processes_find(processes, pids[i]))
            error = add(processes, pids[i], parent);
    }
    free(pids);
    return error;
}

static void look_at(struct process *process)
{
    struct stat status;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/exe", (int)process->pid);
    process->changed = false;
    if (stat(path, &status) != 0) {
        /* Else it is somebody else's, who may have children of ours. */
        process->gone = errno == ENOENT || errno == ESRCH;
    } else if (status.st_dev != process->device || status.st_ino != process->file) {
        process->changed = process->file != 0;
        process->device = status.st_dev;
        process->file = status.st_ino;
        process->looks = 1;
        process->decided = false;
    } else {
        process->looks++;
    }
}

int processes_look(struct processes *processes)
{
    pid_t newest = newest_process();
    size_t kept = 0;
    int error = 0;

    for (size_t i = 0; i < processes->count; i++)
        if (!processes->items[i].gone)
            processes->items[kept++] = processes->items[i];
    processes->count = kept;
    if (newest != processes->newest)
        error = add_new(processes, newest);
    if (!error)
        processes->newest = newest;
    for (size_t i = 0; i < processes->count; i++)
        look_at(&processes->items[i]);
    return error;
}
