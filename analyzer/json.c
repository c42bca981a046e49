/*
 * Written object by object, each on a line of its own: a large report needs
 * little memory, and grep and diff work on it. Failures add up, and one look at
 * the end tells whether memory was short.
 */
#define _GNU_SOURCE /* tdestroy */
#include "analyzer/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/json_runtime.h"
#include "analyzer/printable.h"
#include "analyzer/tables.h"

/* A stack as JSON text: thousands of tables share a few. */
struct known_stack {
    const struct trace *trace;
    uint32_t id;
    char *text;
};

struct writer {
    FILE *out;
    struct names *names;
    void *stacks; /* a tree of struct known_stack */
    bool first;   /* nothing yet in the array that is being written */
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

static json_t *frame_object(struct writer *writer, const struct named_frame *frame)
{
    json_t *object = json_object();
    put(writer, object, "function", text(frame->function));
    put(writer, object, "file", text(frame->file));
    put(writer, object, "line", number_or_null(frame->line));
    put(writer, object, "module", text(frame->module));
    put(writer, object, "address", hex(frame->address));
    put(writer, object, "inlined", json_boolean(frame->inlined));
    return object;
}

static int compare_stacks(const void *left, const void *right)
{
    const struct known_stack *a = left, *b = right;
    if (a->trace != b->trace)
        return a->trace < b->trace ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void free_stack(void *item)
{
    struct known_stack *stack = item;
    free(stack->text);
    free(stack);
}

static char *stack_text(struct writer *writer, const struct trace *trace, uint32_t id)
{
    struct named_stack named = names_stack(writer->names, trace, id);
    json_t *frames = json_array();
    for (size_t i = 0; i < named.count; i++)
        append(writer, frames, frame_object(writer, &named.frames[i]));
    char *result = json_dumps(frames, JSON_COMPACT);
    json_decref(frames);
    return result;
}

/* NULL: no memory. */
static const char *stack(struct writer *writer, const struct trace *trace, uint32_t id)
{
    struct known_stack key = {.trace = trace, .id = id};
    struct known_stack **found = tfind(&key, &writer->stacks, compare_stacks);
    if (found)
        return (*found)->text;
    struct known_stack *known = malloc(sizeof(*known));
    if (!known)
        return NULL;
    *known = (struct known_stack){trace, id, stack_text(writer, trace, id)};
    if (tsearch(known, &writer->stacks, compare_stacks))
        return known->text;
    free_stack(known);
    return NULL;
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
    put(writer, object, "go", json_go_trace(trace));
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
    put(writer, object, "type", json_type_name(finding->trace, resize->type));
    put(writer, object, "go", json_go_finding(finding));
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
    put(writer, object, "type", json_type_name(trace, table->type));
    put(writer, object, "entries", table->counted ? number(table->entries) : json_null());
    return object;
}

/* --- the whole ------------------------------------------------------------------ */

static void write_value(struct writer *writer, json_t *value, size_t flags)
{
    if (!value || json_dumpf(value, writer->out, JSON_COMPACT | JSON_ENCODE_ANY | flags) != 0)
        writer->failed = -1;
    json_decref(value);
}

/* One more key of the report, which has begun. */
static void write_row(struct writer *writer, const char *key, json_t *value)
{
    fprintf(writer->out, ",\n\"%s\": ", key);
    write_value(writer, value, 0);
}

static void begin_array(struct writer *writer, const char *key)
{
    fprintf(writer->out, ",\n\"%s\": [", key);
    writer->first = true;
}

static void next_item(struct writer *writer)
{
    fputs(writer->first ? "\n  " : ",\n  ", writer->out);
    writer->first = false;
}

static void write_item(struct writer *writer, json_t *value)
{
    next_item(writer);
    write_value(writer, value, 0);
}

/* OBJECT, which has rows already, and one more: the stack ID of TRACE. */
static void write_with_stack(struct writer *writer, json_t *object, const struct trace *trace,
                             uint32_t id)
{
    const char *frames = stack(writer, trace, id);
    next_item(writer);
    fputc('{', writer->out);
    write_value(writer, object, JSON_EMBED);
    fprintf(writer->out, ",\"stack\":%s}", frames ? frames : "[]");
    writer->failed |= !frames;
}

static void end_array(struct writer *writer)
{
    fputs(writer->first ? "]" : "\n]", writer->out);
}

/* Returns how many tables were left out. */
static uint64_t write_tables(struct writer *writer, const struct trace *trace,
                             const struct past_tables *past)
{
    struct tables tables;
    if (tables_make(&tables, trace, past) != 0) {
        writer->failed = -1;
        return 0;
    }
    uint64_t left_out = tables.left_out;
    for (size_t i = 0; i < tables.count; i++)
        write_with_stack(writer, table_object(writer, trace, &tables.items[i]), trace,
                         tables.items[i].stack);
    tables_free(&tables);
    return left_out;
}

static void write_sites(struct writer *writer, const struct trace *trace)
{
    for (uint32_t i = 0; i < trace->site_count; i++)
        write_with_stack(writer, json_site(trace, &trace->sites[i]), trace, trace->sites[i].stack);
}

static void write_advices(struct writer *writer, const struct report *report)
{
    struct advices advices;
    if (advices_make(&advices, report->traces, report->trace_count) != 0) {
        writer->failed = -1;
        return;
    }
    for (size_t i = 0; i < advices.count; i++) {
        const struct advice *advice = &advices.items[i];
        uint32_t id = advice->kind == ADVICE_PRESIZE ? advice->site->stack : advice->array->stack;
        write_with_stack(writer, json_advice(advice), advice->trace, id);
    }
    advices_free(&advices);
}

int json_write(FILE *out, const struct report *report, struct past_tables *const *past,
               struct names *names)
{
    struct writer writer = {.out = out, .names = names};
    uint64_t left_out = 0;
    fputs("{\"schema\": \"maptrace-report/1\"", out);
    write_row(&writer, "verdict", text(report_verdict_name(report->verdict)));
    begin_array(&writer, "inconclusive_because");
    for (size_t i = 0; i < report->doubt_count; i++)
        write_item(&writer, text(report->doubts[i]));
    end_array(&writer);
    begin_array(&writer, "traces");
    for (size_t i = 0; i < report->trace_count; i++)
        write_item(&writer, trace_object(&writer, report->traces[i]));
    end_array(&writer);
    begin_array(&writer, "rules");
    for (size_t i = 0; i < report->rule_count; i++)
        write_item(&writer, rule_object(&writer, &report->rules[i]));
    end_array(&writer);
    write_row(&writer, "totals", totals_object(&writer, report));
    begin_array(&writer, "findings");
    for (size_t i = 0; i < report->finding_count; i++)
        write_with_stack(&writer, finding_object(&writer, &report->findings[i]),
                         report->findings[i].trace, report->findings[i].resize->stack);
    end_array(&writer);
    begin_array(&writer, "tables");
    for (size_t i = 0; i < report->trace_count; i++)
        left_out += write_tables(&writer, report->traces[i], past[i]);
    end_array(&writer);
    begin_array(&writer, "growth");
    for (size_t i = 0; i < report->trace_count; i++)
        write_sites(&writer, report->traces[i]);
    end_array(&writer);
    begin_array(&writer, "advice");
    write_advices(&writer, report);
    end_array(&writer);
    write_row(&writer, "tables_left_out", number(left_out));
    fputs("}\n", out);
    tdestroy(writer.stacks, free_stack);
    return writer.failed ? -ENOMEM : 0;
}
