/*
 * Globs, and the anchor of a glob: a run of identifier characters that every
 * name which matches must contain, in its mangled form too. Names without any
 * anchor need not be demangled. Pure functions over caller memory.
 */
#ifndef MAPTRACE_RULES_GLOB_H
#define MAPTRACE_RULES_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#define ANCHOR_MIN_BYTES 3u

struct anchor {
    const char *text; /* inside the glob, not terminated */
    size_t bytes;
    bool begins; /* an identifier of the name must begin where the anchor does */
    bool ends;   /* and end where it ends */
};

struct rule_arena;

/*
 * All anchors of GLOB, in its order; after the last comes one without bytes. None: the glob fits
 * too much. NULL: no memory.
 */
struct anchor *glob_anchors(const char *glob, struct rule_arena *arena);

/*
 * Of these, the one to look for first: the last one, as fewer names hold a function's
 * name than its class's, but rather not one of the least size.
 */
const struct anchor *glob_best_anchor(const struct anchor *anchors);

bool identifier_character(char character);

#endif
