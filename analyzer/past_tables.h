/*
 * Tables that own no live array, known from their resizes alone. There can be
 * millions: the largest are kept, in bounded memory, and the others counted.
 * Fed with resizes while a trace is read; a second pass is asked for if the
 * first had to forget, for want of room, some of what counts in the end.
 */
#ifndef MAPTRACE_ANALYZER_PAST_TABLES_H
#define MAPTRACE_ANALYZER_PAST_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

struct past_table {
    uint64_t id;
    uint64_t table, holder; /* of its last resize; 0: not known */
    uint64_t last_ns;       /* when that began */
    uint64_t peak_bytes;    /* of its largest array */
    uint64_t most_resizes;  /* as its resizes counted them */
    uint64_t seen_resizes;
    uint32_t stack; /* of its last resize */
    uint16_t rule;
    bool partly; /* some of its resizes were forgotten; false in the result */
};

struct past_tables;

/* Keeps the MOST largest; 0: has nothing to do. NULL: no memory. */
struct past_tables *past_tables_new(size_t most);
void past_tables_free(struct past_tables *past);

/*
 * Pass NUMBER over the finished resizes of TRACE begins; 0 forgets all that was.
 * False if none is needed any more; then nothing may be added.
 */
bool past_tables_pass(struct past_tables *past, const struct trace *trace, unsigned number);
void past_tables_add(struct past_tables *past, const struct trace_resize *resize);

/*
 * After the last pass: the tables, the largest first, and how many more there
 * were. Returns 0, or -ENOMEM if memory was short in any pass. TABLES are PAST's.
 */
int past_tables_result(const struct past_tables *past, const struct past_table **tables,
                       size_t *count, size_t *left_out);

#endif
