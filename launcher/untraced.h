/* Descendants of a traced command that run without the library, and so unseen. */
#ifndef MAPTRACE_LAUNCHER_UNTRACED_H
#define MAPTRACE_LAUNCHER_UNTRACED_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Why process PID, which has had time to load libraries, is not traced, ending a
 * sentence; NULL if it is, if it is a Go program, or if that cannot be told.
 */
const char *untraced_reason(pid_t pid);

/* Programs, by their files. Zero at first. */
struct program_set {
    struct program_id {
        dev_t device;
        ino_t file;
    } * items;
    size_t count;
};

/* 1 if the program was not in the set before, 0 if it was; -ENOMEM. */
int program_set_add(struct program_set *set, dev_t device, ino_t file);
void program_set_free(struct program_set *set);

#endif
