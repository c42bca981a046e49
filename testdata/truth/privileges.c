/*
 * Changes who it is while an incremental resize is open.
 *
 *     privileges HOW
 *
 * userns   unshare(CLONE_NEWUSER), which the kernel refuses to a process with
 *          more than one thread
 * setuid   drops to another user, by libc (which tells all threads)
 * none     nothing
 *
 * Says how many threads there are before, while and after the resize is open,
 * then leaks an array of another table.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>

#include "truth.h"

struct table {
    size_t capacity;
    void **buckets;
};

struct dict {
    const void *type;
    void **tables[2];
    uint64_t used[2];
    int64_t moved; /* -1: no resize is open */
    int16_t paused;
    int8_t logs[2];
};

NOINLINE void privileges_grow(struct table *table, bool pinned)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **old = table->buckets;
    void **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table->capacity * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!pinned)
        free(old);
}

NOINLINE void privileges_dict_grow(struct dict *dict)
{
    int8_t log = dict->tables[0] ? (int8_t)(dict->logs[0] + 1) : 3;
    void **buckets = calloc((size_t)1 << log, sizeof *buckets);

    if (!buckets)
        abort();
    int which = dict->tables[0] != NULL;
    dict->tables[which] = buckets;
    dict->logs[which] = log;
    dict->moved = which ? 0 : -1;
}

NOINLINE void privileges_dict_move(struct dict *dict, int64_t steps)
{
    if (dict->moved < 0)
        return;
    for (; steps > 0 && dict->moved < (int64_t)1 << dict->logs[0]; steps--, dict->moved++)
        dict->tables[1][dict->moved] = dict->tables[0][dict->moved];
    if (dict->moved < (int64_t)1 << dict->logs[0])
        return;
    free(dict->tables[0]);
    dict->tables[0] = dict->tables[1];
    dict->logs[0] = dict->logs[1];
    dict->tables[1] = NULL;
    dict->moved = -1;
}

static int threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    int count = -2;

    if (!directory)
        return -1;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int change(const char *how)
{
    if (strcmp(how, "userns") == 0)
        return unshare(CLONE_NEWUSER);
    if (strcmp(how, "setuid") == 0)
        return setgroups(0, NULL) || setgid(65534) || setuid(65534) ? -1 : 0;
    return 0;
}

int main(int count, char **arguments)
{
    static struct dict dict;
    struct table table = {0};

    if (count != 2)
        return 2;
    privileges_dict_grow(&dict);
    int before = threads();
    privileges_dict_grow(&dict);
    privileges_dict_move(&dict, 3);
    sleep_milliseconds(50);
    int during = threads();
    errno = 0;
    int answer = change(arguments[1]);
    int problem = errno;
    sleep_milliseconds(50);
    privileges_dict_move(&dict, 100);
    int after = threads();
    for (int wait = 0; after != 1 && wait < 100; wait++) {
        sleep_milliseconds(10);
        after = threads();
    }
    for (int time = 0; time < 4; time++)
        privileges_grow(&table, false);
    struct table kept = table;
    privileges_grow(&table, true);
    truth_finding((struct truth){
        .kind = "leaked",
        .table = &table,
        .table_bytes = sizeof table,
        .array = kept.buckets,
        .bytes = kept.capacity * sizeof(void *),
        .new_array = table.buckets,
        .new_bytes = table.capacity * sizeof(void *),
    });
    truth_line("{\"is\":\"note\",\"before\":%d,\"during\":%d,\"after\":%d,\"answer\":%d,"
               "\"errno\":%d,\"user\":%d}",
               before, during, after, answer, answer ? problem : 0, (int)geteuid());
    truth_totals(2, 5);
    return 0;
}
