/*
 * Functions and lines at an address, from DWARF: what was inlined into what.
 * Addresses are those of the Dwfl_Module.
 */
#ifndef MAPTRACE_ANALYZER_INLINES_H
#define MAPTRACE_ANALYZER_INLINES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

#include "analyzer/module.h"

struct inlines;

struct inlines *inlines_new(Dwfl_Module *file); /* NULL: no memory */
void inlines_free(struct inlines *inlines);

/*
 * As module_look_up(). SYMBOL is what the symbol table has for ADDRESS, or
 * NULL. Returns false, and has called nobody, if nothing is known.
 */
bool inlines_at(struct inlines *inlines, Dwarf_Addr address, const char *symbol, place_found *found,
                void *context);

#endif
