#define _GNU_SOURCE /* vasprintf */
#include "analyzer/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/runs.h"

double finding_cost(const struct finding *finding)
{
    return (double)finding->resize->old_bytes * (double)finding->judgement.overstay_ns;
}

const char *report_verdict_name(enum report_verdict verdict)
{
    static const char *const names[] = {"clean", "findings", "inconclusive"};
    return names[verdict];
}

const char *report_status_name(enum trace_rule_status status)
{
    static const char *const names[] = {"absent", "blind", "idle", "active"};
    return names[status];
}

int report_doubt(struct report *report, const char *format, ...)
{
    char **doubts = reallocarray(report->doubts, report->doubt_count + 1, sizeof(*doubts));
    if (!doubts)
        return -ENOMEM;
    report->doubts = doubts;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&doubts[report->doubt_count], format, arguments);
    va_end(arguments);
    if (length < 0)
        return -ENOMEM;
    report->doubt_count++;
    return 0;
}

/* --- findings --------------------------------------------------------------- */

struct collection {
    struct report *report;
    const struct judge_limits *limits;
    size_t room;
};

static int collect(struct collection *collection, const struct trace *trace,
                   const struct trace_resize *resize)
{
    struct report *report = collection->report;
    struct judgement judgement = judge_resize(trace, resize, collection->limits);
    if (judgement.kind == JUDGE_UNFINISHED)
        report->totals.unfinished++;
    else if (judgement.kind == JUDGE_UNDECIDED)
        report->totals.undecided++;
    if (!judge_is_finding(judgement.kind))
        return 0;
    if (report->finding_count == collection->room) {
        size_t room = collection->room ? collection->room * 2 : 64;
        struct finding *findings = reallocarray(report->findings, room, sizeof(*findings));
        if (!findings)
            return -ENOMEM;
        report->findings = findings;
        collection->room = room;
    }
    report->findings[report->finding_count++] = (struct finding){trace, resize, judgement};
    report->totals.outlived_bytes += resize->old_bytes;
    return 0;
}

static int collect_all(struct collection *collection, const struct trace *trace)
{
    const struct {
        const struct trace_resize *resizes;
        size_t count;
    } lists[] = {{trace->open, trace->open_count},
                 {trace->notable.records, trace->notable.count},
                 {trace->recent.records, trace->recent.count}};
    for (size_t list = 0; list < sizeof(lists) / sizeof(lists[0]); list++)
        for (size_t i = 0; i < lists[list].count; i++)
            if (collect(collection, trace, &lists[list].resizes[i]) != 0)
                return -ENOMEM;
    return 0;
}

static int by_cost(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    double cost_a = finding_cost(a), cost_b = finding_cost(b);
    if (cost_a != cost_b)
        return cost_a > cost_b ? -1 : 1;
    if (a->resize->replaced_ns != b->resize->replaced_ns)
        return a->resize->replaced_ns < b->resize->replaced_ns ? -1 : 1;
    return a->resize->old_address < b->resize->old_address
               ? -1
               : a->resize->old_address > b->resize->old_address;
}

/* --- losses and totals ------------------------------------------------------ */

static int doubt_losses(struct report *report, const struct trace *trace,
                        const struct judge_limits *limits)
{
    unsigned losses = judge_losses(trace, limits);
    const struct {
        enum judge_loss loss;
        const char *text;
        uint64_t count; /* 0: the sentence has none */
    } sentences[] = {
        {JUDGE_TRUNCATED, "the file was cut off", 0},
        {JUDGE_LOST_EVENTS, "events that could not be recorded", trace_lost_events(trace)},
        {JUDGE_CUT_ENTRIES, "entries cut in the middle of being written", trace->cut_entries},
        {JUDGE_BAD_ENTRIES, "damaged entries", trace->bad_entries},
        {JUDGE_GAVE_UP, "tracing was given up in this process", 0},
        {JUDGE_NOT_STARTED, "tracing had not started yet", 0},
        {JUDGE_UNSEEN,
         "what old arrays came to in the last moment of the process, when maptrace got no chance "
         "to look",
         0},
        {JUDGE_OVERWRITTEN,
         "finished resizes that were overwritten (a larger MAPTRACE_RING keeps more), some of "
         "which may have been findings",
         trace->notable.overwritten + trace->recent.overwritten},
    };
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        char count[32] = "";
        if (!(losses & sentences[i].loss))
            continue;
        if (sentences[i].count)
            snprintf(count, sizeof(count), ": %" PRIu64, sentences[i].count);
        if (report_doubt(report, "%s: %s%s", trace->file, sentences[i].text, count) != 0)
            return -ENOMEM;
    }
    return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void add_totals(struct report_totals *totals, const struct trace_header *header)
{
    totals->tables += header->tables;
    totals->arrays += header->arrays_seen;
    totals->resizes += header->resizes_seen;
    totals->peak_array_bytes = larger(totals->peak_array_bytes, header->peak_array_bytes);
    totals->peak_old_bytes = larger(totals->peak_old_bytes, header->peak_old_bytes);
}

int report_make(struct report *report, struct trace *const *traces, size_t trace_count,
                const struct judge_limits *limits)
{
    *report = (struct report){.traces = traces, .trace_count = trace_count};
    struct collection collection = {.report = report, .limits = limits};
    int outcome = 0;
    for (size_t i = 0; i < trace_count && outcome == 0; i++) {
        add_totals(&report->totals, &traces[i]->header);
        outcome = collect_all(&collection, traces[i]);
        if (outcome == 0)
            outcome = doubt_losses(report, traces[i], limits);
    }
    report->loss_count = report->doubt_count;
    if (outcome == 0)
        outcome = runs_judge(report);
    if (outcome)
        return outcome;
    if (report->finding_count)
        qsort(report->findings, report->finding_count, sizeof(report->findings[0]), by_cost);
    if (report->finding_count)
        report->verdict = VERDICT_FINDINGS;
    else
        report->verdict = report->doubt_count ? VERDICT_INCONCLUSIVE : VERDICT_CLEAN;
    return 0;
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->doubt_count; i++)
        free(report->doubts[i]);
    free(report->doubts);
    free(report->findings);
    free(report->rules);
    *report = (struct report){0};
}
