/*
 * What a set of traces amounts to: findings, what was seen of each rule, totals
 * and the verdict. text.c and json.c show it.
 */
#ifndef MAPTRACE_ANALYZER_REPORT_H
#define MAPTRACE_ANALYZER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/judge.h"
#include "trace/reader.h"

struct finding {
    const struct trace *trace;
    const struct trace_resize *resize;
    struct judgement judgement;
};

/* One rule over all traces, by name; texts point into a trace. */
struct report_rule {
    const char *name, *about;
    const char *reason;            /* never NULL */
    enum trace_rule_status status; /* the best of all processes */
    bool user;
    uint64_t symbols, arrays;
    uint64_t resizes;      /* in processes without a trace, too */
    uint64_t processes[4]; /* by status, of those that are known */
};

struct report_totals {
    uint64_t tables, arrays, resizes;
    uint64_t unfinished, undecided;
    uint64_t outlived_bytes; /* of all findings */
    /* Of the process that had most: peaks of several are not simultaneous. */
    uint64_t peak_array_bytes, peak_old_bytes;
};

enum report_verdict { VERDICT_CLEAN, VERDICT_FINDINGS, VERDICT_INCONCLUSIVE };

struct report {
    struct trace *const *traces; /* the caller's */
    size_t trace_count;
    struct finding *findings; /* most costly first: bytes x overstay */
    size_t finding_count;
    struct report_rule *rules; /* in the order of the traces */
    size_t rule_count;
    struct report_totals totals;
    enum report_verdict verdict;
    char **doubts; /* why "no findings" cannot be said; one sentence each */
    size_t doubt_count;
    size_t loss_count; /* of these, the first, which tell what traces have lost */
};

/* Returns 0 or -ENOMEM. TRACES must outlive the report. */
int report_make(struct report *report, struct trace *const *traces, size_t trace_count,
                const struct judge_limits *limits);
void report_free(struct report *report);

const char *report_verdict_name(enum report_verdict verdict);
const char *report_status_name(enum trace_rule_status status);

/* Bytes x nanoseconds. */
double finding_cost(const struct finding *finding);

#endif
