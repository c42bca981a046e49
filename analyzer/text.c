#define _GNU_SOURCE /* asprintf */
#include "analyzer/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/advice.h"
#include "analyzer/groups.h"
#include "analyzer/paper.h"
#include "analyzer/text_group.h"
#include "analyzer/text_runtime.h"
#include "analyzer/units.h"

#define MOST_GROUPS 10
#define MOST_PROCESSES 10
#define MOST_NOTES 20

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void put_verdict(struct paper *paper, const struct report *report,
                        const struct groups *groups)
{
    const struct report_totals *totals = &report->totals;
    switch (report->verdict) {
    case VERDICT_FINDINGS:
        paper_styled(paper, PAPER_BAD, "maptrace: %zu old array%s outlived %s resize",
                     report->finding_count, plural(report->finding_count),
                     report->finding_count == 1 ? "its" : "their");
        paper_put(paper, ": %s in %zu table%s\n", units_exact(totals->outlived_bytes).text,
                  groups->tables, plural(groups->tables));
        break;
    case VERDICT_CLEAN:
        paper_styled(paper, PAPER_GOOD, "maptrace: clean");
        paper_put(paper, ": %" PRIu64 " resize%s, and no old array outlived its resize\n",
                  totals->resizes, plural(totals->resizes));
        break;
    case VERDICT_INCONCLUSIVE:
        paper_styled(paper, PAPER_DOUBT, "maptrace: inconclusive");
        paper_put(paper, ": no finding, but not everything could be seen:\n");
        break;
    }
}

/* Lines that begin with a dash; at most MOST_NOTES of them. */
static void put_doubts(struct paper *paper, const struct report *report)
{
    size_t shown = report->doubt_count > MOST_NOTES ? MOST_NOTES : report->doubt_count;
    for (size_t i = 0; i < shown; i++) {
        paper_put(paper, " - ");
        paper_wrap(paper, 3, 3, report->doubts[i]);
    }
    if (shown < report->doubt_count)
        paper_put(paper, " - %zu more, use --format=json\n", report->doubt_count - shown);
}

/* --- processes ----------------------------------------------------------------- */

static void put_command(struct paper *paper, const struct trace_header *header)
{
    char line[49] = "";
    size_t length = 0, most = sizeof(line) - 1;
    for (uint32_t at = 0; at < header->command_bytes && length <= most;
         at += (uint32_t)strlen(header->command + at) + 1)
        length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%s", at ? " " : "",
                                   header->command + at);
    if (length == 0)
        length = (size_t)snprintf(line, sizeof(line), "%s", header->program);
    if (length > most)
        memcpy(line + most - 3, "...", 3);
    paper_foreign(paper, line);
}

static void put_process(struct paper *paper, const struct trace *trace)
{
    const struct trace_header *header = &trace->header;
    struct units_text time = units_time(trace->now_ns);
    paper_put(paper, "   pid %" PRIu32 "  ", header->pid);
    put_command(paper, header);
    if (trace->running)
        paper_put(paper, ", running for %s", time.text);
    else if (header->end == TRACE_END_EXIT)
        paper_put(paper, ", exited after %s", time.text);
    else if (header->end == TRACE_END_SIGNAL)
        paper_put(paper, ", died of signal %" PRIu32 " after %s", header->end_status, time.text);
    else if (header->end == TRACE_END_DETACHED)
        paper_put(paper, ", watched for %s while it ran", time.text);
    else
        paper_put(paper, ", killed or became another program (exec); last seen after %s",
                  time.text);
    paper_put(paper, "\n");
}

/* A program with tables of two languages can have a trace for each. */
static bool is_shown(const struct report *report, size_t index)
{
    const struct trace_header *header = &report->traces[index]->header;
    for (size_t i = 0; i < index; i++) {
        const struct trace_header *before = &report->traces[i]->header;
        if (before->pid == header->pid && before->process_start_ticks != 0 &&
            before->process_start_ticks == header->process_start_ticks &&
            (before->writer_pid == 0) != (header->writer_pid == 0) &&
            strcmp(before->boot_id, header->boot_id) == 0)
            return true;
    }
    return false;
}

static void put_processes(struct paper *paper, const struct report *report)
{
    size_t shown = 0, processes = 0;
    for (size_t i = 0; i < report->trace_count; i++) {
        if (is_shown(report, i))
            continue;
        if (processes++ < MOST_PROCESSES && ++shown)
            put_process(paper, report->traces[i]);
    }
    if (shown < processes)
        paper_put(paper, "   %zu more processes\n", processes - shown);
}

/* --- totals and rules ------------------------------------------------------------ */

static void put_totals(struct paper *paper, const struct report_totals *totals)
{
    paper_styled(paper, PAPER_BOLD, "Totals\n");
    paper_put(paper, "   %" PRIu64 " table%s, %" PRIu64 " array%s, %" PRIu64 " resize%s",
              totals->tables, plural(totals->tables), totals->arrays, plural(totals->arrays),
              totals->resizes, plural(totals->resizes));
    if (totals->unfinished)
        paper_put(paper, ", %" PRIu64 " of them under way", totals->unfinished);
    paper_put(paper, "\n   at most %s in arrays at once, ",
              units_size(totals->peak_array_bytes).text);
    paper_put(paper, "of which at most %s in old ones\n", units_size(totals->peak_old_bytes).text);
    if (totals->undecided)
        paper_put(paper,
                  "   %" PRIu64 " old array%s would be findings, if no release had been missed\n",
                  totals->undecided, plural(totals->undecided));
}

static void put_rule(struct paper *paper, const struct report_rule *rule)
{
    static const enum paper_style styles[] = {PAPER_FAINT, PAPER_DOUBT, PAPER_PLAIN, PAPER_GOOD};
    size_t column = 3, indent = 32;
    paper_put(paper, "   ");
    column += paper_foreign(paper, rule->name);
    paper_put(paper, "%*s", column < indent - 8 ? (int)(indent - 8 - column) : 1, "");
    paper_styled(paper, styles[rule->status], "%-8s", report_status_name(rule->status));
    column = column < indent - 8 ? indent : column + 1 + 8;

    if (rule->status == TRACE_RULE_ACTIVE || rule->resizes) {
        char text[80];
        column += (size_t)snprintf(text, sizeof(text), "%" PRIu64 " arrays, %" PRIu64 " resizes%s",
                                   rule->arrays, rule->resizes, *rule->reason ? "; " : "");
        paper_put(paper, "%s", text);
    }
    const char *words = *rule->reason                      ? rule->reason
                        : rule->status == TRACE_RULE_IDLE  ? "there, but it made no array"
                        : rule->status == TRACE_RULE_BLIND ? "no reason was recorded"
                                                           : "";
    paper_wrap(paper, column, indent, words);
}

static void put_rules(struct paper *paper, const struct report *report)
{
    size_t absent = 0, shown = 0;
    for (size_t i = 0; i < report->rule_count; i++)
        absent += report->rules[i].status == TRACE_RULE_ABSENT;
    paper_styled(paper, PAPER_BOLD, "\nContainers\n");
    for (int status = TRACE_RULE_ACTIVE; status > TRACE_RULE_ABSENT; status--)
        for (size_t i = 0; i < report->rule_count; i++)
            if ((int)report->rules[i].status == status && ++shown)
                put_rule(paper, &report->rules[i]);
    if (absent)
        paper_put(paper, "   %zu %srule%s: no sign of their containers here\n", absent,
                  shown ? "more " : "", plural(absent));
}

/* --- notes -------------------------------------------------------------------------- */

struct notes {
    struct paper *paper;
    size_t count;
};

/* One note, which may hold text from a trace, after WHOM (a file; NULL: nobody). */
static void note(struct notes *notes, const char *whom, const char *text)
{
    char *line = NULL;
    if (notes->count++ == 0)
        paper_styled(notes->paper, PAPER_BOLD, "\nNotes\n");
    if (notes->count > MOST_NOTES)
        return;
    paper_put(notes->paper, " - ");
    if (asprintf(&line, "%s%s%s", whom ? whom : "", whom ? ": " : "", text) < 0)
        line = NULL;
    paper_wrap(notes->paper, 3, 3, line ? line : text);
    free(line);
}

static void note_trace(struct notes *notes, const struct trace *trace)
{
    char text[160];
    uint64_t overwritten = trace->notable.overwritten + trace->recent.overwritten;
    if (overwritten) {
        snprintf(text, sizeof(text),
                 "%" PRIu64 " finished resizes were overwritten by newer ones; they are counted, "
                 "but not listed",
                 overwritten);
        note(notes, trace->file, text);
    }
    if (trace->header.lost_stacks) {
        snprintf(text, sizeof(text), "%" PRIu64 " stacks were not recorded for want of room",
                 trace->header.lost_stacks);
        note(notes, trace->file, text);
    }
    if (trace->header.flags & TRACE_FLAG_SANDBOXED)
        note(notes, trace->file,
             "a seccomp filter was set: from then on the tables were no longer read");
    char *copy = strdup(trace->messages), *rest = copy, *line;
    while (copy && (line = strsep(&rest, "\n")))
        if (*line)
            note(notes, trace->file, line);
    free(copy);
}

static void note_missing(struct notes *notes, const struct names *names)
{
    const char *path, *why;
    for (size_t i = 0; (path = names_missing(names, i, &why)); i++) {
        char text[TRACE_PATH_BYTES + 80];
        snprintf(text, sizeof(text), "no names from %s: %s", *path ? path : "a nameless module",
                 why);
        note(notes, NULL, text);
    }
}

static void put_notes(struct paper *paper, const struct report *report, const struct names *names)
{
    struct notes notes = {.paper = paper};
    if (report->verdict == VERDICT_FINDINGS)
        for (size_t i = 0; i < report->loss_count; i++)
            note(&notes, NULL, report->doubts[i]);
    for (size_t i = 0; i < report->trace_count; i++)
        note_trace(&notes, report->traces[i]);
    note_missing(&notes, names);
    if (notes.count > MOST_NOTES)
        paper_put(paper, " - %zu more, use --format=json\n", notes.count - MOST_NOTES);
}

int text_write(FILE *out, const struct report *report, struct names *names, bool colours)
{
    struct paper paper = {.out = out, .colours = colours};
    struct groups groups;
    struct advices advices;
    if (groups_make(&groups, report) != 0)
        return -ENOMEM;
    if (advices_make(&advices, report->traces, report->trace_count) != 0) {
        groups_free(&groups);
        return -ENOMEM;
    }
    put_verdict(&paper, report, &groups);
    if (report->verdict == VERDICT_INCONCLUSIVE)
        put_doubts(&paper, report);
    put_processes(&paper, report);
    paper_put(&paper, "\n");
    size_t shown = groups.count > MOST_GROUPS ? MOST_GROUPS : groups.count;
    for (size_t i = 0; i < shown; i++)
        text_group(&paper, names, &groups.items[i], i + 1);
    if (shown < groups.count)
        paper_put(&paper, "%zu more, use --format=json\n\n", groups.count - shown);
    put_totals(&paper, &report->totals);
    for (size_t i = 0; i < report->trace_count; i++)
        text_collected(&paper, report->traces[i]);
    put_rules(&paper, report);
    text_advices(&paper, names, &advices);
    put_notes(&paper, report, names);
    advices_free(&advices);
    groups_free(&groups);
    return 0;
}
