/*
 * What tables could have spared their program: no findings, for nothing stays
 * longer than it should, but memory and work that a line of code would save.
 * Known of tables whose trace names their type.
 */
#ifndef MAPTRACE_ANALYZER_ADVICE_H
#define MAPTRACE_ANALYZER_ADVICE_H

#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

enum advice_kind {
    ADVICE_PRESIZE,    /* tables grew step by step to a size that could have been said at once */
    ADVICE_FEW_ENTRIES /* a large array for few entries: the table was emptied, and never shrinks */
};

struct advice {
    enum advice_kind kind;
    const struct trace *trace;
    const struct trace_site *site;   /* ADVICE_PRESIZE */
    const struct trace_array *array; /* ADVICE_FEW_ENTRIES */
    uint64_t bytes;                  /* that would have been saved, about */
};

struct advices {
    struct advice *items; /* the most bytes first */
    size_t count;
};

/* Returns 0 or -ENOMEM. TRACES must outlive the result. */
int advices_make(struct advices *advices, struct trace *const *traces, size_t trace_count);
void advices_free(struct advices *advices);

/* Entries that ARRAY has room for; 0: not known. */
uint64_t advice_room(const struct trace *trace, const struct trace_array *array);

const char *advice_kind_name(enum advice_kind kind); /* as in reports */

#endif
