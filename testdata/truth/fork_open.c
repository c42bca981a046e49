/*
 * A fork in the middle of an incremental resize.
 *
 *     fork_open WHO MILLISECONDS
 *
 * parent-finishes  the parent finishes at once; the child lives on with its
 *                  copy for MILLISECONDS: nobody's finding
 * child-finishes   the child finishes, at once; the parent never does and lives
 *                  on for MILLISECONDS: stuck in the parent
 * child-late       the parent finishes at once, the child only after
 *                  MILLISECONDS: the resize was the parent's, nothing to find
 * child-own        both finish at once; then the child begins a resize of its
 *                  own, and abandons it for MILLISECONDS: stuck in the child
 */
#include <sys/wait.h>

#include "truth.h"

struct dict {
    const void *type;
    void **tables[2];
    uint64_t used[2];
    int64_t moved; /* -1: no resize is open */
    int16_t paused;
    int8_t logs[2];
};

NOINLINE void dict_grow(struct dict *dict)
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

NOINLINE void dict_move(struct dict *dict, int64_t steps)
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

static void stuck(const struct dict *dict)
{
    truth_finding((struct truth){
        .kind = "stuck",
        .table = dict,
        .table_bytes = sizeof *dict,
        .array = dict->tables[0],
        .bytes = sizeof(void *) << dict->logs[0],
        .new_array = dict->tables[1],
        .new_bytes = sizeof(void *) << dict->logs[1],
        .moved = (long)dict->moved,
        .of = 1L << dict->logs[0],
    });
}

int main(int count, char **arguments)
{
    static struct dict dict;

    if (count != 3)
        return 2;
    const char *who = arguments[1];
    long milliseconds = atol(arguments[2]);
    bool child_own = strcmp(who, "child-own") == 0;

    dict_grow(&dict);
    for (int round = 0; round < 3; round++) {
        dict_grow(&dict);
        dict_move(&dict, 1 << 20);
    }
    dict_grow(&dict);
    dict_move(&dict, 20);

    pid_t child = fork();
    bool finishes = strcmp(who, "child-finishes") == 0 ? child == 0 : child != 0;
    if (finishes || child_own)
        dict_move(&dict, 1 << 20);
    if (child_own && child == 0) {
        dict_grow(&dict);
        dict_move(&dict, 7);
        stuck(&dict);
    }
    if (!finishes || (child_own && child == 0)) {
        if (child != 0)
            stuck(&dict);
        sleep_milliseconds(milliseconds);
        if (strcmp(who, "child-late") == 0)
            dict_move(&dict, 1 << 20);
    }
    if (child != 0 && waitpid(child, NULL, 0) != child)
        return 1;
    return 0;
}
