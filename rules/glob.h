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
    size_t bytes;     /* 0: the glob has none */
    bool begins;      /* an identifier of the name must begin where the anchor does */
    bool ends;        /* and end where it ends */
};

struct anchor glob_anchor(const char *glob);

bool identifier_character(char character);

#endif
