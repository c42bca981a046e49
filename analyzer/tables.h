/*
 * The tables of a trace: those that own live arrays (other than what a fork has
 * left there), then those of which only resizes are left.
 */
#ifndef MAPTRACE_ANALYZER_TABLES_H
#define MAPTRACE_ANALYZER_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/past_tables.h"
#include "trace/reader.h"

struct table {
    uint64_t table, holder; /* 0: not known */
    uint16_t rule;
    uint32_t stack; /* that made its newest array */
    uint64_t resizes;
    uint64_t bytes;      /* of its live arrays */
    uint64_t peak_bytes; /* most that its current kinds of arrays had, added up */
    uint32_t type;       /* as in trace_array */
    bool counted;        /* entries is known */
    uint64_t entries;
    const struct trace_array *const *arrays;
    size_t array_count;
};

struct tables {
    struct table *items;
    size_t count;
    size_t left_out;                   /* past tables beyond their limit, the smaller ones */
    const struct trace_array **arrays; /* what tables' arrays point into */
};

/* PAST are those of TRACE that own no live array. Returns 0 or -ENOMEM. */
int tables_make(struct tables *tables, const struct trace *trace, const struct past_tables *past);
void tables_free(struct tables *tables);

#endif
