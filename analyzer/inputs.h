/* Turns what the command line names into traces. */
#ifndef MAPTRACE_ANALYZER_INPUTS_H
#define MAPTRACE_ANALYZER_INPUTS_H

#include <stddef.h>

#include "analyzer/judge.h"
#include "analyzer/past_tables.h"
#include "trace/reader.h"

/* What to take from the traces. Of finished resizes the findings are kept; the rest is counted. */
struct inputs_wish {
    struct judge_limits limits;
    size_t past_tables; /* how many of a trace's */
};

struct inputs {
    struct trace **traces;
    struct past_tables **past; /* of each trace */
    size_t count;
};

/*
 * Reads the files NAMES, and of a folder every trace in it (not below it; names
 * that end in .old are skipped), sorted by name. A file that is named twice is
 * read once. Returns 0, or -errno and a sentence in ERROR.
 */
int inputs_read(struct inputs *inputs, const struct inputs_wish *wish, char *const *names,
                int name_count, char *error, size_t error_bytes);
void inputs_free(struct inputs *inputs);

#endif
