/*
 * An incremental table in the shape of redis' dict: the new array stands apart
 * until all buckets have moved. Its rule is that of testdata/rules/incremental.rules.
 */
#ifndef MAPTRACE_TESTDATA_DICT_H
#define MAPTRACE_TESTDATA_DICT_H

#include "truth.h"

#ifndef DICT_FIRST_LOG
#define DICT_FIRST_LOG 3 /* buckets of the first array, as a power of two */
#endif

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
    int8_t log = dict->tables[0] ? (int8_t)(dict->logs[0] + 1) : DICT_FIRST_LOG;
    void **buckets = calloc((size_t)1 << log, sizeof *buckets);

    if (!buckets)
        abort();
    int which = dict->tables[0] != NULL;
    dict->tables[which] = buckets;
    dict->logs[which] = log;
    dict->moved = which ? 0 : -1;
}

/* Moves up to STEPS buckets; true: there are more. */
NOINLINE bool dict_move(struct dict *dict, int64_t steps)
{
    if (dict->moved < 0)
        return false;
    for (; steps > 0 && dict->moved < (int64_t)1 << dict->logs[0]; steps--, dict->moved++)
        dict->tables[1][dict->moved] = dict->tables[0][dict->moved];
    if (dict->moved < (int64_t)1 << dict->logs[0])
        return true;
    free(dict->tables[0]);
    dict->tables[0] = dict->tables[1];
    dict->logs[0] = dict->logs[1];
    dict->tables[1] = NULL;
    dict->moved = -1;
    return false;
}

/* What is true of the resize that is open now; MOVED 0: its progress is not compared. */
static inline struct truth dict_truth(const char *kind, const struct dict *dict, long moved)
{
    return (struct truth){
        .kind = kind,
        .table = dict,
        .table_bytes = sizeof *dict,
        .array = dict->tables[0],
        .bytes = sizeof(void *) << dict->logs[0],
        .new_array = dict->tables[1],
        .new_bytes = sizeof(void *) << dict->logs[1],
        .moved = moved,
        .of = moved ? 1L << dict->logs[0] : 0,
    };
}

static inline void dict_release(struct dict *dict)
{
    free(dict->tables[0]);
    free(dict->tables[1]);
    *dict = (struct dict){.moved = -1};
}

#endif
