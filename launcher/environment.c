#define _GNU_SOURCE /* asprintf */
#include "launcher/environment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int environment_copy(struct environment *environment)
{
    size_t count = 0;

    while (environ[count])
        count++;
    environment->count = 0;
    environment->entries = calloc(count + 1, sizeof *environment->entries);
    if (!environment->entries)
        return -ENOMEM;
    for (; environment->count < count; environment->count++) {
        char *entry = strdup(environ[environment->count]);
        if (!entry) {
            environment_free(environment);
            return -ENOMEM;
        }
        environment->entries[environment->count] = entry;
    }
    return 0;
}

void environment_free(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->entries[i]);
    free(environment->entries);
    *environment = (struct environment){0};
}

static char **find(const struct environment *environment, const char *name)
{
    size_t bytes = strlen(name);

    for (size_t i = 0; i < environment->count; i++)
        if (!strncmp(environment->entries[i], name, bytes) && environment->entries[i][bytes] == '=')
            return &environment->entries[i];
    return NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
    char **entry = find(environment, name);

    return entry ? *entry + strlen(name) + 1 : NULL;
}

static void take_away(struct environment *environment, const char *name)
{
    char **entry = find(environment, name);

    if (!entry)
        return;
    free(*entry);
    *entry = environment->entries[--environment->count];
    environment->entries[environment->count] = NULL;
}

int environment_set(struct environment *environment, const char *name, const char *value)
{
    char *entry, **entries;

    if (!value) {
        take_away(environment, name);
        return 0;
    }
    if (asprintf(&entry, "%s=%s", name, value) < 0)
        return -ENOMEM;
    take_away(environment, name);
    entries = realloc(environment->entries, (environment->count + 2) * sizeof *entries);
    if (!entries) {
        free(entry);
        return -ENOMEM;
    }
    environment->entries = entries;
    entries[environment->count++] = entry;
    entries[environment->count] = NULL;
    return 0;
}

static int join(struct environment *environment, const char *name, const char *first,
                const char *second, char separator)
{
    char *both;
    int error;

    if (asprintf(&both, "%s%c%s", first, separator, second) < 0)
        return -ENOMEM;
    error = environment_set(environment, name, both);
    free(both);
    return error;
}

int environment_prepend(struct environment *environment, const char *name, const char *value,
                        char separator)
{
    const char *before = environment_get(environment, name);

    if (!before || !*before)
        return environment_set(environment, name, value);
    return join(environment, name, value, before, separator);
}

int environment_append(struct environment *environment, const char *name, const char *value,
                       char separator)
{
    const char *before = environment_get(environment, name);

    if (!before || !*before)
        return environment_set(environment, name, value);
    return join(environment, name, before, value, separator);
}
