/*
 * Objects are made of rows: a key and a value, which json_object_set_new()
 * takes over. Jansson answers a failed row with -1; these add up, and one look
 * at the end tells whether memory was short.
 */
#include "analyzer/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/printable.h"
#include "analyzer/tables.h"

/* A table that is gone is history: of very many, the largest say enough. */
#define MOST_DEAD_TABLES 4096

struct writer {
    struct names *names;
    json_t **stacks; /* of the trace at hand, by stack id: shared by all that show them */
    int failed;
};

static void put(struct writer *writer, json_t *object, const char *key, json_t *value)
{
    writer->failed |= json_object_set_new_nocheck(object, key, value);
}

static void append(struct writer *writer, json_t *array, json_t *value)
{
    writer->failed |= json_array_append_new(array, value);
}

static json_t *number(uint64_t value)
{
    return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *number_or_null(uint64_t value)
{
    return value ? number(value) : json_null();
}

static json_t *text(const char *value)
{
    if (!value)
        return json_null();
    char *valid = printable_utf8(value);
    json_t *result = valid ? json_string_nocheck(valid) : NULL;
    free(valid);
    return result;
}

static json_t *hex(uint64_t value)
{
    return json_sprintf("0x%" PRIx64, value);
}

static json_t *address(uint64_t value)
{
    return value ? hex(value) : json_null();
}

static json_t *stack(struct writer *writer, const struct trace *trace, uint32_t id)
{
    if (id >= trace->stack_word_count)
        id = 0;
    if (writer->stacks[id])
        return json_incref(writer->stacks[id]);
    struct named_stack named = names_stack(writer->names, trace, id);
    json_t *frames = json_array();
    for (size_t i = 0; i < named.count; i++) {
        const struct named_frame *frame = &named.frames[i];
        json_t *object = json_object();
        put(writer, object, "function", text(frame->function));
        put(writer, object, "file", text(frame->file));
        put(writer, object, "line", number_or_null(frame->line));
        put(writer, object, "module", text(frame->module));
        put(writer, object, "address", hex(frame->address));
        put(writer, object, "inlined", json_boolean(frame->inlined));
        append(writer, frames, object);
    }
    writer->stacks[id] = json_incref(frames);
    return frames;
}

/* Afterwards stack() knows no stack. */
static void forget_stacks(struct writer *writer, const struct trace *trace)
{
    for (uint32_t i = 0; writer->stacks && i <= trace->stack_word_count; i++)
        json_decref(writer->stacks[i]);
    free(writer->stacks);
    writer->stacks = NULL;
}

/* --- traces ------------------------------------------------------------------- */

static json_t *command(struct writer *writer, const struct trace_header *header)
{
    json_t *arguments = json_array();
    for (uint32_t at = 0; at < header->command_bytes;
         at += (uint32_t)strlen(header->command + at) + 1)
        append(writer, arguments, text(header->command + at));
    return arguments;
}

static const char *end_name(const struct trace *trace)
{
    if (trace->running)
        return "running";
    return trace->header.end == TRACE_END_EXIT     ? "exit"
           : trace->header.end == TRACE_END_SIGNAL ? "signal"
                                                   : "unknown";
}

static json_t *messages(struct writer *writer, const struct trace *trace)
{
    json_t *lines = json_array();
    char *copy = strdup(trace->messages), *rest = copy, *line;
    writer->failed |= !copy;
    while (copy && (line = strsep(&rest, "\n")))
        if (*line)
            append(writer, lines, text(line));
    free(copy);
    return lines;
}

static json_t *trace_object(struct writer *writer, const struct trace *trace)
{
    const struct trace_header *header = &trace->header;
    json_t *object = json_object();
    put(writer, object, "file", text(trace->file));
    put(writer, object, "pid", number(header->pid));
    put(writer, object, "command", command(writer, header));
    put(writer, object, "end", text(end_name(trace)));
    put(writer, object, "complete", json_boolean(trace_complete(trace)));
    put(writer, object, "lost_events", number(trace_lost_events(trace)));
    put(writer, object, "duration_ns", number(trace->now_ns));
    put(writer, object, "parent_pid", number(header->parent_pid));
    put(writer, object, "root_pid", number(header->root_pid));
    put(writer, object, "program", text(header->program));
    put(writer, object, "directory", text(header->directory));
    put(writer, object, "machine", text(header->machine));
    put(writer, object, "start_realtime_ns", number(header->start_realtime_ns));
    put(writer, object, "end_status",
        header->end == TRACE_END_SIGNAL ? number(header->end_status) : json_null());
    put(writer, object, "cut_entries", number(trace->cut_entries));
    put(writer, object, "damaged_entries", number(trace->bad_entries));
    put(writer, object, "lost_stacks", number(header->lost_stacks));
    put(writer, object, "overwritten_resizes",
        number(trace->notable.overwritten + trace->recent.overwritten));
    put(writer, object, "messages", messages(writer, trace));
    return object;
}

/* --- rules, totals, findings, tables ------------------------------------------ */

static json_t *rule_object(struct writer *writer, const struct report_rule *rule)
{
    json_t *object = json_object();
    put(writer, object, "rule", text(rule->name));
    put(writer, object, "status", text(report_status_name(rule->status)));
    put(writer, object, "symbols", number(rule->symbols));
    put(writer, object, "arrays", number(rule->arrays));
    put(writer, object, "resizes", number(rule->resizes));
    put(writer, object, "reason", text(rule->reason));
    put(writer, object, "about", text(rule->about));
    put(writer, object, "user", json_boolean(rule->user));
    json_t *processes = json_object();
    for (int status = TRACE_RULE_ACTIVE; status >= TRACE_RULE_ABSENT; status--)
        put(writer, processes, report_status_name((enum trace_rule_status)status),
            number(rule->processes[status]));
    put(writer, object, "processes", processes);
    return object;
}

static json_t *totals_object(struct writer *writer, const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    json_t *object = json_object();
    put(writer, object, "tables", number(totals->tables));
    put(writer, object, "arrays", number(totals->arrays));
    put(writer, object, "resizes", number(totals->resizes));
    put(writer, object, "unfinished", number(totals->unfinished));
    put(writer, object, "undecided", number(totals->undecided));
    put(writer, object, "findings", number(report->finding_count));
    put(writer, object, "outlived_arrays", number(report->finding_count));
    put(writer, object, "outlived_bytes", number(totals->outlived_bytes));
    put(writer, object, "peak_array_bytes", number(totals->peak_array_bytes));
    put(writer, object, "peak_old_bytes", number(totals->peak_old_bytes));
    return object;
}

static const char *confidence_name(enum trace_confidence confidence)
{
    static const char *const names[] = {"exact", "inferred", "ambiguous"};
    return names[confidence];
}

static json_t *finding_object(struct writer *writer, const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    json_t *object = json_object(), *progress = json_object();
    bool end_seen = resize->flags & TRACE_RESIZE_END_SEEN;
    bool released = resize->flags & TRACE_RESIZE_RELEASED;
    put(writer, progress, "moved", number(resize->moved));
    put(writer, progress, "of", number(resize->of));
    put(writer, object, "kind", text(judge_kind_name(finding->judgement.kind)));
    put(writer, object, "pid", number(finding->trace->header.pid));
    put(writer, object, "rule", text(finding->trace->rules[resize->rule].name));
    put(writer, object, "table", address(resize->table));
    put(writer, object, "holder", address(resize->holder));
    put(writer, object, "array", hex(resize->old_address));
    put(writer, object, "bytes", number(resize->old_bytes));
    put(writer, object, "new_array", address(resize->new_address));
    put(writer, object, "new_bytes", number(resize->new_bytes));
    put(writer, object, "replaced_ns", number(resize->replaced_ns));
    put(writer, object, "resize_end_ns", end_seen ? number(resize->resize_end_ns) : json_null());
    put(writer, object, "released_ns", released ? number(resize->released_ns) : json_null());
    put(writer, object, "overstay_ns", number(finding->judgement.overstay_ns));
    put(writer, object, "progress", progress);
    put(writer, object, "confidence", text(confidence_name(finding->judgement.confidence)));
    put(writer, object, "alternatives", number(resize->alternatives));
    put(writer, object, "suppressed", json_false());
    put(writer, object, "stack", stack(writer, finding->trace, resize->stack));
    return object;
}

static json_t *table_object(struct writer *writer, const struct trace *trace,
                            const struct table *table)
{
    json_t *object = json_object(), *arrays = json_array();
    for (size_t i = 0; i < table->array_count; i++)
        append(writer, arrays, hex(table->arrays[i]->address));
    put(writer, object, "table", address(table->table));
    put(writer, object, "pid", number(trace->header.pid));
    put(writer, object, "rule", text(trace->rules[table->rule].name));
    put(writer, object, "holder", address(table->holder));
    put(writer, object, "resizes", number(table->resizes));
    put(writer, object, "bytes", number(table->bytes));
    put(writer, object, "peak_bytes", number(table->peak_bytes));
    put(writer, object, "arrays", arrays);
    put(writer, object, "stack", stack(writer, trace, table->stack));
    return object;
}

/* Fills FINDINGS (in the order of the report) and TABLES trace by trace: stacks are kept for one.
 */
static void fill_by_trace(struct writer *writer, const struct report *report, json_t **findings,
                          json_t *all_tables, uint64_t *left_out)
{
    for (size_t t = 0; t < report->trace_count && !writer->failed; t++) {
        const struct trace *trace = report->traces[t];
        struct tables tables;
        writer->stacks = calloc(trace->stack_word_count + 1ul, sizeof(json_t *));
        if (!writer->stacks || tables_make(&tables, trace, MOST_DEAD_TABLES) != 0) {
            writer->failed = -1;
        } else {
            for (size_t i = 0; i < report->finding_count; i++)
                if (report->findings[i].trace == trace)
                    findings[i] = finding_object(writer, &report->findings[i]);
            for (size_t i = 0; i < tables.count; i++)
                append(writer, all_tables, table_object(writer, trace, &tables.items[i]));
            *left_out += tables.left_out;
            tables_free(&tables);
        }
        forget_stacks(writer, trace);
    }
}

static json_t *report_object(struct writer *writer, const struct report *report)
{
    json_t *object = json_object(), *traces = json_array(), *rules = json_array();
    json_t *all_findings = json_array(), *tables = json_array(), *doubts = json_array();
    json_t **findings = calloc(report->finding_count + 1, sizeof(*findings));
    uint64_t left_out = 0;
    writer->failed |= !findings;
    for (size_t i = 0; i < report->trace_count; i++)
        append(writer, traces, trace_object(writer, report->traces[i]));
    for (size_t i = 0; i < report->rule_count; i++)
        append(writer, rules, rule_object(writer, &report->rules[i]));
    if (!writer->failed)
        fill_by_trace(writer, report, findings, tables, &left_out);
    for (size_t i = 0; findings && i < report->finding_count; i++)
        append(writer, all_findings, findings[i]);
    for (size_t i = 0; i < report->doubt_count; i++)
        append(writer, doubts, text(report->doubts[i]));
    free(findings);
    put(writer, object, "schema", text("maptrace-report/1"));
    put(writer, object, "verdict", text(report_verdict_name(report->verdict)));
    put(writer, object, "inconclusive_because", doubts);
    put(writer, object, "traces", traces);
    put(writer, object, "rules", rules);
    put(writer, object, "totals", totals_object(writer, report));
    put(writer, object, "findings", all_findings);
    put(writer, object, "tables", tables);
    put(writer, object, "tables_left_out", number(left_out));
    return object;
}

int json_write(FILE *out, const struct report *report, struct names *names)
{
    struct writer writer = {.names = names};
    json_t *object = report_object(&writer, report);
    int outcome = writer.failed || !object ? -ENOMEM : 0;
    if (outcome == 0) {
        json_dumpf(object, out, JSON_INDENT(2));
        fputc('\n', out);
    }
    json_decref(object);
    return outcome;
}
