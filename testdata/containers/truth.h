/*
 * What a driver knows of its own tables. A driver grows tables in a known way,
 * counts each bucket array that took the place of another by the container's
 * own word (bucket_count() and the like), and ends by printing the counts. A
 * test holds them against the report.
 */
#ifndef MAPTRACE_CONTAINERS_TRUTH_H
#define MAPTRACE_CONTAINERS_TRUTH_H

#include <stddef.h>
#include <stdio.h>

static long truth_resizes;
static size_t truth_largest; /* buckets of the largest array that was replaced */

/* A table had BEFORE buckets in ARRAYS arrays of its own (0: none yet) and now has AFTER. */
static inline void truth_change(size_t before, size_t after, int arrays)
{
    if (before == after || before == 0 || after == 0)
        return;
    truth_resizes += arrays;
    if (before > truth_largest)
        truth_largest = before;
}

static inline void truth_print(void)
{
    printf("resizes %ld\nlargest %zu\n", truth_resizes, truth_largest);
}

#endif
