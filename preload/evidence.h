/*
 * Which table is being grown? The stack names the function, not the table; but
 * a function that will store the new array must keep the way to the table
 * across the allocation: in a callee-saved register, in its frame, or as a
 * global. Evidence is every place in memory that pointed to a live array of
 * the same rule when the new one was allocated. A place that points to the new
 * array afterwards is proof.
 */
#ifndef MAPTRACE_PRELOAD_EVIDENCE_H
#define MAPTRACE_PRELOAD_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "arrays.h"
#include "locators.h"
#include "recognise.h"

#define EVIDENCE_MOST 24
#define CANDIDATES_MOST 48
/* Words of a table that are looked at, behind each pointer that may lead to one. */
#define TABLE_WORDS 32

struct evidence_item {
    uintptr_t slot;        /* place in memory; 0: only a register or a dead frame held the array */
    uintptr_t table;       /* pointer through which the slot was found; 0: none */
    locator_source source; /* where that pointer stood; 0: not known */
    array_index array;     /* 0: there was no array, only a place for one */
    uint64_t serial;       /* of the array */
    uintptr_t word;        /* what stood in the slot */
    uintptr_t now;         /* what evidence_look() saw there; 0: nothing */
    unsigned rank;         /* lower is nearer to the grow function */
    bool used;             /* the slot is of the table, as far as all that is known agrees */
};

/* A place that points to the new array now, and what stood there when that was allocated. */
struct evidence_place {
    uintptr_t slot, table;
    uintptr_t before;
};

struct evidence_candidate {
    uintptr_t table; /* a pointer that may lead to the table */
    locator_source source;
};

struct evidence {
    uint64_t site; /* see locators.h */
    bool hooked;   /* see struct recognised */
    bool sure;     /* the items come from locators that have proved themselves */
    unsigned count, candidate_count;
    uintptr_t frame_low, frame_high; /* the frames that are gone when the grow is over */
    struct evidence_item items[EVIDENCE_MOST];
    struct evidence_candidate candidates[CANDIDATES_MOST]; /* nearest first */
    bool readable[CANDIDATES_MOST];               /* false for all if sure: nothing was searched */
    uint64_t words[CANDIDATES_MOST][TABLE_WORDS]; /* what stood behind each candidate */
};

struct evidence_frame {
    uintptr_t cfa, return_address;
};

/* What the walk of a recognised allocation found; filled by evidence_stack. */
struct evidence_stack {
    uintptr_t cfa;            /* of the outermost grow frame: it is over when the stack is above */
    uintptr_t return_address; /* of that frame */
    uintptr_t outer_pc;       /* in that frame */
    uint64_t
        role; /* hash of the return addresses from the allocator to the outermost grow function */
    uintptr_t grow_pc;
    unsigned frame_count;
    struct evidence_frame frames[RECOGNISE_DEPTH]; /* the grow frames, innermost first */
};

/*
 * Walks from the tracer's own frames up (the caller must be the entry point or
 * called by it) to SITE and beyond, with all registers. Fills STACK and
 * collects what may be tables and holders for RULE. SELF is the new array.
 * Caller holds the tracer's lock.
 */
void evidence_collect(const struct call_site *site, const struct recognised *found, uintptr_t self,
                      uint64_t self_bytes, struct evidence_stack *stack, struct evidence *evidence);

/* Copies what FROM holds; the rest of TO is left as it is. */
void evidence_copy(struct evidence *to, const struct evidence *from);

/* Reads what stands behind each candidate now: TABLE_WORDS words for each. */
void evidence_read(const struct evidence *evidence, uint64_t *to, bool *read);

/* SLOT is in a frame of the grow function, or below. */
bool evidence_in_dead_frame(const struct evidence *evidence, uintptr_t slot);

/* --- the outcome: outcome.c ---------------------------------------------------- */

/* Reads what stands in the slots of the items now. RETURNING: the grow function does, right now. */
void evidence_look(struct evidence *evidence, bool returning);

/*
 * After evidence_look(): the items whose slots point into [LOW, LOW+BYTES), nearest to the grow
 * function first. Slots in frames that are gone prove nothing and are not
 * among them: a variable of the last call may have had its place where this
 * call has another.
 */
unsigned evidence_flips(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                        const struct evidence_item *flips[EVIDENCE_MOST]);

/* After evidence_look(): the places outside the grow's frames that point into [LOW, LOW+BYTES) now,
 * nearest first. */
unsigned evidence_places(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                         struct evidence_place places[EVIDENCE_MOST]);

/* The rank of the nearest place behind the candidates that points into [LOW, LOW+BYTES) now;
 * UINT_MAX: none. */
unsigned evidence_nearest(const struct evidence *evidence, uintptr_t low, uint64_t bytes);

/* The old array was surely the one with SERIAL: places that showed another are not the table's. */
void evidence_contradict(const struct evidence *evidence, uint64_t serial);

/*
 * After evidence_look(): the grow is over and its array, at [LOW, LOW+BYTES), has surely replaced
 * the one at [OLD_LOW, OLD_LOW+OLD_BYTES): remembers the places that led from one to the other, and
 * doubts what was learned before and did not.
 */
void evidence_learn(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                    uintptr_t old_low, uint64_t old_bytes);

/*
 * Where a pointer into [LOW, LOW+BYTES) stands now: behind the candidates, or,
 * with GLOBALS, in the data of the module of CODE and of the main program
 * (*TABLE is 0 then). False if nowhere.
 */
bool evidence_holder(const struct evidence *evidence, uintptr_t low, uint64_t bytes, bool globals,
                     uintptr_t code, uintptr_t *holder, uintptr_t *table);

#endif
