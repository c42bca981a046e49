/*
 * What DWARF knows of functions that rules match: their out-of-line instances,
 * and the copies that were inlined into other functions.
 */
#ifndef MAPTRACE_INDEXER_FUNCTIONS_H
#define MAPTRACE_INDEXER_FUNCTIONS_H

#include <stdbool.h>

#include "indexer/object.h"
#include "indexer/ranges.h"

/* Receives a problem that makes the index incomplete, as one line of text. */
typedef void functions_note(void *context, const char *text);

/*
 * Adds the ranges that the .debug_info of OBJECT gives for functions that a
 * rule matches. *SEEN is set if there is any .debug_info. 0 or -ENOMEM.
 */
int functions_read(struct object *object, const struct rule_matcher *matcher, struct ranges *ranges,
                   bool *seen, functions_note *note, void *context);

#endif
