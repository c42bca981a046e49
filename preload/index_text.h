/* Reads the text of an index, see indexer/report.h, from wherever it came. */
#ifndef MAPTRACE_PRELOAD_INDEX_TEXT_H
#define MAPTRACE_PRELOAD_INDEX_TEXT_H

#include "index.h"

/*
 * Hands what the BYTES of TEXT say to SINK, and notes in MODULE what could not
 * be indexed. Text that is damaged is read as far as it makes sense. False if
 * it is no whole index.
 */
bool index_text_read(const char *text, size_t bytes, struct module *module,
                     const struct index_sink *sink);

/* What the indexer could not read, or why there is no index: the first of such words is kept. */
void index_text_note(struct module *module, const char *text, size_t length);

#endif
