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

/* The next anchor of a glob; *CURSOR is at its start before the first call. False: no more. */
bool glob_next_anchor(const char *glob, const char **cursor, struct anchor *anchor);

/*
 * The anchor to look for first: the last one, as fewer names hold a function's
 * name than its class's. bytes is 0 if the glob has none and so fits too much.
 */
struct anchor glob_anchor(const char *glob);
/* Of two anchors of a glob, is the LATER one rather looked for? BEST has no bytes at first. */
bool glob_prefers(const struct anchor *best, const struct anchor *later);

bool identifier_character(char character);

#endif
