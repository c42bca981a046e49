/*
 * The environment of a traced program: the launcher's own, with a few variables
 * changed. The launcher's stays as it is, for what it starts later.
 */
#ifndef MAPTRACE_LAUNCHER_ENVIRONMENT_H
#define MAPTRACE_LAUNCHER_ENVIRONMENT_H

#include <stddef.h>

struct environment {
    char **entries; /* NULL-terminated, as execve wants it */
    size_t count;
};

/* A copy of this process's environment. 0 or -ENOMEM. */
int environment_copy(struct environment *environment);
void environment_free(struct environment *environment);

/* The value of NAME, or NULL. */
const char *environment_get(const struct environment *environment, const char *name);
/* Sets NAME to VALUE; NULL takes it away. 0 or -ENOMEM. */
int environment_set(struct environment *environment, const char *name, const char *value);
/*
 * Puts VALUE before (or after) what NAME already holds, with SEPARATOR between
 * the two. 0 or -ENOMEM.
 */
int environment_prepend(struct environment *environment, const char *name, const char *value,
                        char separator);
int environment_append(struct environment *environment, const char *name, const char *value,
                       char separator);

#endif
