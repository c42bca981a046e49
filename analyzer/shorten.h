/* Long C++ and Rust names, cut to what a reader needs. */
#ifndef MAPTRACE_ANALYZER_SHORTEN_H
#define MAPTRACE_ANALYZER_SHORTEN_H

#include <stddef.h>

/*
 * Brings NAME, in place, down to MOST bytes (at least 8): first function
 * arguments give way to "...", then template arguments, then the end of it.
 */
void shorten(char *name, size_t most);

/*
 * Go's names begin with the whole path of their package: cuts NAME down to the last part of it.
 * Leaves names of other languages alone.
 */
void shorten_package(char *name);

#endif
