/*
 * How the events of a Go program become a trace: drains the ring, keeps the books of
 * maps and resizes (books.h), looks how far the open ones have come. By the launcher,
 * or in the program itself: after go_gather_begin() nothing here needs libc but for
 * memory and clocks, so that a bare thread can do it.
 *
 * Not for several threads at once.
 */
#ifndef MAPTRACE_GOLANG_GATHER_H
#define MAPTRACE_GOLANG_GATHER_H

#include "golang/books.h"
#include "golang/swiss.h"
#include "golang/target.h"

struct go_gather {
    struct go_target *target;
    struct go_trace trace;
    struct go_types known_types;
    struct go_type_ids types;
    struct go_books books;
    struct go_swiss swiss;
    uint64_t lost; /* events, that are in the header already */
    unsigned idle; /* polls without an event */
    bool busy;     /* many of them by the last one */
    bool looked;   /* the last look at a program that is exiting was taken: it need not wait */
};

/*
 * TARGET has our agent in it; it and what TRACE leads to, which has its module already, must
 * outlive GATHER. Describes the rule. 0 or -ENOMEM.
 */
int go_gather_begin(struct go_gather *gather, struct go_target *target,
                    const struct go_trace *trace);
void go_gather_free(struct go_gather *gather);

/* The rule, also of a program that has no agent in it, with the reason in target->why_not. */
void go_gather_describe(const struct go_trace *trace, const struct go_target *target);

/*
 * Takes what has happened. While the program waits at its end (go_target_exiting) this takes the
 * last look at its memory, if not by the first call then by one of the next. Returns after how many
 * milliseconds it wants to be called again.
 */
unsigned go_gather_poll(struct go_gather *gather);

/* Takes what has happened. True if an event was begun and is not finished yet. */
bool go_gather_is_unfinished(struct go_gather *gather);

/* The last of it: what is not finished is lost. */
void go_gather_end(struct go_gather *gather);

#endif
