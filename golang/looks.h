/*
 * Looks at the maps in the books: how far open resizes have come, whether their
 * arrays are still in use, and how many entries maps have.
 *
 * The program runs meanwhile, and its events may not have been drained yet: what
 * memory contradicts is looked at again before it is believed.
 */
#ifndef MAPTRACE_GOLANG_LOOKS_H
#define MAPTRACE_GOLANG_LOOKS_H

#include "golang/books.h"
#include "golang/memory.h"

/*
 * Looks at what is due at NOW, a time of the trace; LAST: at all open resizes and at all maps of
 * some size. To be called after the ring was drained to its end.
 */
void go_look(struct go_books *books, const struct memory *memory, uint64_t now, bool last);

#endif
