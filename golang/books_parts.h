/* What the parts of the books share: books.c, books_maps.c, books_write.c. */
#ifndef MAPTRACE_GOLANG_BOOKS_PARTS_H
#define MAPTRACE_GOLANG_BOOKS_PARTS_H

#include "golang/books.h"

static inline struct trace_header *books_header(const struct go_books *books)
{
    return go_trace_header(books->trace);
}

/* To be written by the next go_books_write(). */
void books_map_changed(struct go_books *books, uint32_t index);
void books_open_changed(struct go_books *books, uint32_t index);

/* Its place may be used again: it is over, and the trace does not say that it is open. */
void books_free_open(struct go_books *books, uint32_t index);

/* Counts an array of BYTES that came to life, or is gone. */
void books_add_live(struct go_books *books, uint64_t bytes);
void books_take_live(struct go_books *books, uint64_t bytes);

/* The map that grows by EVENT, or GO_NONE if it is not known yet. */
uint32_t books_map_of(struct go_books *books, const struct go_event *event, uint64_t now);
/* Makes it known, with the array that is about to become old. GO_NONE: no room. */
uint32_t books_new_map(struct go_books *books, const struct go_event *event, uint32_t type,
                       uint32_t bucket_bytes);

#endif
