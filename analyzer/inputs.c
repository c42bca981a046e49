#define _GNU_SOURCE /* asprintf */
#include "analyzer/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which files were read already. */
struct seen {
    dev_t device;
    ino_t inode;
};

struct reading {
    struct inputs *inputs;
    struct seen *seen; /* one for each trace */
    char *error;
    size_t error_bytes;
};

static int fail(const struct reading *reading, const char *name, int code)
{
    snprintf(reading->error, reading->error_bytes, "%s: %s", name, strerror(-code));
    return code;
}

static int read_file(struct reading *reading, const char *path, const struct stat *status)
{
    struct inputs *inputs = reading->inputs;
    for (size_t i = 0; i < inputs->count; i++)
        if (reading->seen[i].device == status->st_dev && reading->seen[i].inode == status->st_ino)
            return 0;
    struct trace **traces = reallocarray(inputs->traces, inputs->count + 1, sizeof(*traces));
    if (traces)
        inputs->traces = traces;
    struct seen *seen = reallocarray(reading->seen, inputs->count + 1, sizeof(*seen));
    if (seen)
        reading->seen = seen;
    if (!traces || !seen)
        return fail(reading, path, -ENOMEM);
    int outcome = trace_read(path, &traces[inputs->count], reading->error, reading->error_bytes);
    if (outcome == 0)
        seen[inputs->count++] = (struct seen){status->st_dev, status->st_ino};
    return outcome;
}

static int wanted(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length < 4 || strcmp(entry->d_name + length - 4, ".old") != 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int read_folder(struct reading *reading, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, wanted, by_name);
    if (count < 0)
        return fail(reading, folder, -errno);
    int outcome = 0;
    bool any = false;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct stat status;
        if (outcome == 0 && asprintf(&path, "%s%s%s", folder, slash, entries[i]->d_name) < 0) {
            path = NULL;
            outcome = fail(reading, folder, -ENOMEM);
        }
        if (path && stat(path, &status) == 0 && trace_has_magic(path)) {
            any = true;
            outcome = read_file(reading, path, &status);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (outcome == 0 && !any) {
        snprintf(reading->error, reading->error_bytes, "%s: no trace in this folder", folder);
        outcome = -ENOENT;
    }
    return outcome;
}

int inputs_read(struct inputs *inputs, char *const *names, int name_count, char *error,
                size_t error_bytes)
{
    *inputs = (struct inputs){0};
    struct reading reading = {.inputs = inputs, .error = error, .error_bytes = error_bytes};
    int outcome = 0;
    for (int i = 0; i < name_count && outcome == 0; i++) {
        struct stat status;
        if (stat(names[i], &status) != 0)
            outcome = fail(&reading, names[i], -errno);
        else if (S_ISDIR(status.st_mode))
            outcome = read_folder(&reading, names[i]);
        else
            outcome = read_file(&reading, names[i], &status);
    }
    free(reading.seen);
    if (outcome)
        inputs_free(inputs);
    return outcome;
}

void inputs_free(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        trace_free(inputs->traces[i]);
    free(inputs->traces);
    *inputs = (struct inputs){0};
}
