/*
 * The book-keeping of pairs: opens the resize of a new array and the one it
 * replaced, takes it back, or makes it final. Which array that was is decided
 * in settle.h. Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_PAIR_H
#define MAPTRACE_PRELOAD_PAIR_H

#include "activation.h"

/* For ranges: an array of no bytes still has an address. */
uint64_t pair_bytes(uint64_t bytes);

/* True if INDEX is still the array with SERIAL. */
bool pair_alive(array_index index, uint64_t serial);

/* The array with SERIAL among those that the grow released and no birth has taken; else NULL. */
struct freed *pair_find_freed(struct activation *activation, uint64_t serial);

/*
 * Where the table begins whose pointer to an array stands at SLOT. TABLE is the
 * pointer that led there; a rule's places tell which of its words this may be.
 */
uintptr_t pair_table_of(const struct rule *rule, uintptr_t slot, uintptr_t table);

/* BIRTH has surely replaced OLD: remembers where this grow function keeps its table. */
void pair_learn(struct birth *birth, const struct trace_array *old);

/* Opens a resize that stays BIRTH's to take back until it is settled. False without room. */
bool pair_suppose(struct activation *activation, struct birth *birth, array_index old);

/* Cancels what BIRTH was supposed to replace, if anything. */
void pair_take_back(struct birth *birth);

/*
 * A place that pointed to the array until now proves that it was in use: an
 * earlier resize that counted it as replaced was none.
 */
void pair_release_old(array_index index);

/* The table that another array of the same grow is known to be of; 0: none is. */
uint64_t pair_table_id(const struct activation *activation, const struct birth *birth);

/* BIRTH replaced FREED (NULL: does nothing), for sure. False without room. */
bool pair_with_freed(struct activation *activation, struct birth *birth, struct freed *freed);

/* BIRTH's open resize is final, with CONFIDENCE. */
void pair_settle(struct activation *activation, struct birth *birth, uint8_t confidence,
                 uint64_t now);

/* BIRTH replaced no array that we know: it is the first of its table. Final. */
void pair_first(struct activation *activation, struct birth *birth);

#endif
