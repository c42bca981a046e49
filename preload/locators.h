/*
 * Where a grow function keeps its table. At one place in the code a compiler
 * always keeps it in the same register or stack slot; once that has been seen
 * to hold, the table is known without a search. What is learned here is only
 * a way to look: each use is verified when the grow is over, and what fails is
 * forgotten.
 *
 * Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_LOCATORS_H
#define MAPTRACE_PRELOAD_LOCATORS_H

#include <stdbool.h>
#include <stdint.h>

#define LOCATORS_A_SITE 8

/*
 * A register of one frame, a word of the stack, or the address of a word of the
 * stack, counted from the grow function's frame.
 */
typedef uint32_t locator_source;

static inline locator_source locator_register(unsigned frame, unsigned number)
{
    return 1u << 31 | frame << 8 | number;
}

/* WORD words above the grow function's stack pointer. */
static inline locator_source locator_word(unsigned word)
{
    return 1u << 30 | word;
}

/* The place WORD words above the grow function's stack pointer itself: a table in the frame. */
static inline locator_source locator_place(unsigned word)
{
    return 1u << 29 | word;
}

struct locator {
    locator_source source;
    int32_t offset; /* from what stands there to the table's pointer to its array */
    uint16_t good, bad;
};

struct locators {
    uint64_t site;
    unsigned count;
    struct locator all[LOCATORS_A_SITE];
};

/* Without memory every site is searched each time. */
void locators_start(void);

/* What is known of a site: a hash of the return addresses from the allocator to the grow's caller.
 * May be NULL. */
struct locators *locators_find(uint64_t site);
/* True if it has proved itself. */
bool locator_sure(const struct locator *locator);
/* True if one of them has proved itself, so that no search is needed. */
bool locators_sure(const struct locators *locators);
/* The array of a grow at SITE is held there. */
void locators_confirm(uint64_t site, locator_source source, int32_t offset);
/* Nothing of the kind stood there. */
void locators_deny(uint64_t site, locator_source source, int32_t offset);

#endif
