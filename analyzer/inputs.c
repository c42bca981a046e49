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
    const struct inputs_wish *wish;
    struct seen *seen; /* one for each trace */
    char *error;
    size_t error_bytes;
};

static int fail(const struct reading *reading, const char *name, int code)
{
    snprintf(reading->error, reading->error_bytes, "%s: %s", name, strerror(-code));
    return code;
}

struct sifting {
    const struct judge_limits *limits;
    struct past_tables *past;
};

static bool sift_pass(void *context, const struct trace *trace, unsigned number)
{
    struct sifting *sifting = context;
    return past_tables_pass(sifting->past, trace, number);
}

static bool sift(void *context, const struct trace *trace, const struct trace_resize *resize)
{
    struct sifting *sifting = context;
    past_tables_add(sifting->past, resize);
    return judge_is_finding(judge_resize(trace, resize, sifting->limits).kind);
}

/* Room for one more. */
static int make_room(struct reading *reading)
{
    struct inputs *inputs = reading->inputs;
    size_t room = inputs->count + 1;
    struct trace **traces = reallocarray(inputs->traces, room, sizeof(*traces));
    if (traces)
        inputs->traces = traces;
    struct past_tables **past = reallocarray(inputs->past, room, sizeof(struct past_tables *));
    if (past)
        inputs->past = past;
    struct seen *seen = reallocarray(reading->seen, room, sizeof(*seen));
    if (seen)
        reading->seen = seen;
    return traces && past && seen ? 0 : -ENOMEM;
}

static int read_file(struct reading *reading, const char *path, const struct stat *status)
{
    struct inputs *inputs = reading->inputs;
    for (size_t i = 0; i < inputs->count; i++)
        if (reading->seen[i].device == status->st_dev && reading->seen[i].inode == status->st_ino)
            return 0;
    struct sifting sifting = {.limits = &reading->wish->limits,
                              .past = past_tables_new(reading->wish->past_tables)};
    struct trace_sieve sieve = {sift_pass, sift, &sifting};
    struct trace *trace;
    int outcome = -ENOMEM;
    if (!sifting.past || make_room(reading) != 0)
        fail(reading, path, outcome);
    else
        outcome = trace_read(path, &sieve, &trace, reading->error, reading->error_bytes);
    if (outcome) {
        past_tables_free(sifting.past);
        return outcome;
    }
    reading->seen[inputs->count] = (struct seen){status->st_dev, status->st_ino};
    inputs->past[inputs->count] = sifting.past;
    inputs->traces[inputs->count++] = trace;
    return 0;
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

int inputs_read(struct inputs *inputs, const struct inputs_wish *wish, char *const *names,
                int name_count, char *error, size_t error_bytes)
{
    *inputs = (struct inputs){0};
    struct reading reading = {
        .inputs = inputs, .wish = wish, .error = error, .error_bytes = error_bytes};
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
    for (size_t i = 0; i < inputs->count; i++) {
        trace_free(inputs->traces[i]);
        past_tables_free(inputs->past[i]);
    }
    free(inputs->traces);
    free(inputs->past);
    *inputs = (struct inputs){0};
}
