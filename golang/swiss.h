/*
 * Swiss maps (Go 1.24 and later): how often their tables grow, and how long what they let
 * go stays. Each growth drops the old array at once; it is memory until a collection finds
 * that. A collection that was at work already may miss it, so the end of the next one is
 * the earliest moment at which it can have been freed.
 */
#ifndef MAPTRACE_GOLANG_SWISS_H
#define MAPTRACE_GOLANG_SWISS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GO_SWISS_LINE = 320 };

/* Arrays that were dropped: the first one, and how long after it the others were, in all. */
struct go_swiss_group {
    uint64_t count, first_ns, after_ns;
};

struct go_swiss {
    uint64_t grows, splits;
    uint64_t collected, stayed_ns, longest_ns; /* those after which a collection has ended */
    struct go_swiss_group waiting;             /* the others, dropped before end_ns... */
    struct go_swiss_group later;               /* ...or after it */
    uint64_t end_ns;                           /* of a collection; 0: none since the last drain */
};

/* All times are of the trace. A collection ended at END_NS (0: none did). To be called before the
 * events are drained... */
void go_swiss_collection(struct go_swiss *swiss, uint64_t end_ns);
/* ...of which each, at NS, is told here (SPLIT: a table became two)... */
void go_swiss_event(struct go_swiss *swiss, bool split, uint64_t ns);
/* ...and then this. */
void go_swiss_drained(struct go_swiss *swiss);

/* Writes a line on all this, and a newline, to LINE of GO_SWISS_LINE bytes: how many. No libc. */
size_t go_swiss_say(const struct go_swiss *swiss, char *line);

#endif
