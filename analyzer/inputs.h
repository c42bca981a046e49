/* Turns what the command line names into traces. */
#ifndef MAPTRACE_ANALYZER_INPUTS_H
#define MAPTRACE_ANALYZER_INPUTS_H

#include <stddef.h>

#include "trace/reader.h"

struct inputs {
    struct trace **traces;
    size_t count;
};

/*
 * Reads the files NAMES, and of a folder every trace in it (not below it; names
 * that end in .old are skipped), sorted by name. A file that is named twice is
 * read once. Returns 0, or -errno and a sentence in ERROR.
 */
int inputs_read(struct inputs *inputs, char *const *names, int name_count, char *error,
                size_t error_bytes);
void inputs_free(struct inputs *inputs);

#endif
