/*
 * The descendants of one process, found by looking at /proc now and then: none of them is
 * touched. One that lives shorter than the time between two looks, or whose parent ended
 * before it was seen (a daemon), is missed.
 */
#ifndef MAPTRACE_LAUNCHER_PROCESSES_H
#define MAPTRACE_LAUNCHER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process {
    pid_t pid, parent;
    dev_t device; /* of the file that it executes */
    ino_t file;
    unsigned looks; /* at which it executed this file */
    bool changed;   /* it executed another at the look before */
    bool gone;      /* it has ended; found at the last look */
    void *use;      /* the caller's own; NULL at first */
    bool decided;   /* likewise; false again when it executes another file */
};

struct processes {
    struct process *items; /* the root first; they move from one look to the next */
    size_t count;
    pid_t newest; /* process id that was given last */
};

/* 0 or -ENOMEM. */
int processes_begin(struct processes *processes, pid_t root);
void processes_end(struct processes *processes);

/* Takes those away that were gone, and looks what has changed. 0 or -ENOMEM. */
int processes_look(struct processes *processes);

/* The one with this id, or NULL. */
struct process *processes_find(const struct processes *processes, pid_t pid);

#endif
