/*
 * A set of numbers that only grows. Those that lie close together, as ids that
 * were given out in turn do, cost two bits each; any other 32 bytes at most.
 */
#ifndef MAPTRACE_ANALYZER_NUMBER_SET_H
#define MAPTRACE_ANALYZER_NUMBER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_block;

/* All zero is the empty set. */
struct number_set {
    struct number_block *blocks;
    size_t room; /* a power of two, or 0 */
    size_t used;
};

/* Returns 1 if NUMBER is new, 0 if it was there, or -ENOMEM. */
int number_set_add(struct number_set *set, uint64_t number);
bool number_set_has(const struct number_set *set, uint64_t number);
void number_set_free(struct number_set *set);

#endif
