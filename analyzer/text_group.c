#define _GNU_SOURCE /* asprintf */
#include "analyzer/text_group.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/printable.h"
#include "analyzer/runtime.h"
#include "analyzer/shorten.h"
#include "analyzer/text_runtime.h"
#include "analyzer/units.h"

#define MOST_SHOWN 3   /* findings of a group */
#define MOST_FRAMES 24 /* of a stack */
#define INDENT 3
#define LABEL 12 /* columns of a label */

static void label(struct paper *paper, const char *name)
{
    paper_put(paper, "%*s%-*s", INDENT, "", LABEL, name);
}

/* --- one finding ---------------------------------------------------------------- */

static void put_address(struct paper *paper, uint64_t address)
{
    if (address)
        paper_put(paper, "0x%" PRIx64, address);
    else
        paper_put(paper, "not known");
}

static void put_table(struct paper *paper, const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    label(paper, "table");
    put_address(paper, resize->table);
    if (resize->holder)
        paper_put(paper, ", its array is held at 0x%" PRIx64, resize->holder);
    paper_put(paper, " (pid %" PRIu32 ")\n", finding->trace->header.pid);
}

static void put_arrays(struct paper *paper, const struct trace_resize *resize)
{
    label(paper, "old array");
    paper_put(paper, "0x%" PRIx64 ", %s\n", resize->old_address,
              units_exact(resize->old_bytes).text);
    label(paper, "new array");
    put_address(paper, resize->new_address);
    paper_put(paper, ", %s\n", units_exact(resize->new_bytes).text);
}

/* How the time of a finding came about; see judge.c. */
static void put_overstay(struct paper *paper, const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    uint64_t overstay = finding->judgement.overstay_ns;
    bool end_seen = resize->flags & TRACE_RESIZE_END_SEEN;
    uint64_t released = resize->flags & TRACE_RESIZE_RELEASED ? resize->released_ns : 0;
    uint64_t gone = released ? released : finding->trace->now_ns;
    label(paper, "overstay");
    paper_styled(paper, PAPER_BOLD, "%s", units_time(overstay).text);
    if (end_seen && gone >= resize->resize_end_ns && gone - resize->resize_end_ns == overstay)
        paper_put(paper, " after the end of its resize");
    else if (finding->trace->rules[resize->rule].kind == TRACE_INCREMENTAL)
        paper_put(paper, " without progress");
    else
        paper_put(paper, " since it was replaced; the end of the resize was not seen");
    paper_put(paper, "\n");
    label(paper, "when");
    if (resize->replaced_ns == 0 && finding->trace->header.flags & TRACE_FLAG_ATTACHED)
        paper_put(paper, "replaced before tracing began, ");
    else
        paper_put(paper, "replaced %s after the start, ", units_time(resize->replaced_ns).text);
    if (released)
        paper_put(
            paper, "released %s later\n",
            units_time(released > resize->replaced_ns ? released - resize->replaced_ns : 0).text);
    else
        paper_put(paper, "still alive %s\n",
                  finding->trace->running ? "now" : "when the trace ended");
}

static void put_progress(struct paper *paper, const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    const struct trace_rule *rule = &finding->trace->rules[resize->rule];
    if (rule->kind != TRACE_INCREMENTAL)
        return;
    label(paper, "progress");
    if (resize->moved == TRACE_UNKNOWN || resize->of == TRACE_UNKNOWN || resize->of == 0) {
        paper_put(paper, "not known: %s\n",
                  rule->flags & TRACE_RULE_PROGRESS
                      ? "the table could not be read"
                      : "the rule does not say where the table keeps it");
        return;
    }
    double percent = 100.0 * (double)resize->moved / (double)resize->of;
    paper_put(paper, "%" PRIu64 " of %" PRIu64 " buckets moved (%s%.0f %%)", resize->moved,
              resize->of, resize->moved && percent < 1 ? "below " : "",
              resize->moved && percent < 1 ? 1 : percent);
    if (finding->judgement.kind == JUDGE_STUCK)
        paper_styled(paper, PAPER_BAD, ", then nothing for %s",
                     units_time(finding->judgement.overstay_ns).text);
    paper_put(paper, "%s\n",
              resize->flags & TRACE_RESIZE_UNREADABLE ? "; then it could no longer be read" : "");
}

static void put_runtime(struct paper *paper, const struct finding *finding)
{
    if (!runtime_type(finding->trace, finding->resize))
        return;
    if (finding->resize->entries != TRACE_UNKNOWN) {
        label(paper, "growth");
        text_growth(paper, INDENT + LABEL, finding);
    }
    if (runtime_collections(finding).known) {
        label(paper, "collections");
        text_collections(paper, INDENT + LABEL, finding);
    }
}

static void put_confidence(struct paper *paper, const struct finding *finding)
{
    if (finding->judgement.confidence == TRACE_EXACT)
        return;
    label(paper, "certainty");
    if (finding->resize->flags & TRACE_RESIZE_UNVERIFIED)
        paper_put(paper, "liveness unverified: %s\n",
                  finding->trace->header.flags & TRACE_FLAG_LIVENESS
                      ? "no collection has run since that tells it from garbage"
                      : "it may be garbage that was not collected yet");
    else if (finding->judgement.confidence == TRACE_INFERRED)
        paper_put(paper, "inferred: the evidence points here, without proof\n");
    else if (finding->resize->alternatives)
        paper_put(paper,
                  "ambiguous: this array fits best, but %" PRIu32 " more would fit as well\n",
                  finding->resize->alternatives);
    else
        paper_put(paper, "ambiguous: this array fits best, but others would fit as well\n");
}

static void put_finding(struct paper *paper, const struct finding *finding)
{
    put_table(paper, finding);
    put_arrays(paper, finding->resize);
    put_overstay(paper, finding);
    put_progress(paper, finding);
    put_runtime(paper, finding);
    put_confidence(paper, finding);
}

/* --- the stack -------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The file and the folder it is in. */
static const char *last_two(const char *path)
{
    const char *base = base_name(path), *at = base;
    if (at - path > 1)
        for (at--; at > path && at[-1] != '/'; at--)
            ;
    return at;
}

static void put_location(struct paper *paper, const struct named_frame *frame)
{
    if (frame->file && frame->line) {
        paper_foreign(paper, last_two(frame->file));
        paper_put(paper, ":%u", frame->line);
    } else if (frame->function && frame->module) {
        paper_put(paper, "in ");
        paper_foreign(paper, base_name(frame->module));
    }
    paper_put(paper, "\n");
}

/* To be freed; NULL: no memory. */
static char *frame_name(const struct named_frame *frame, size_t most)
{
    char *name = NULL;
    if (frame->function)
        name = printable(frame->function);
    else if (asprintf(&name, "%s%s0x%" PRIx64, frame->module ? base_name(frame->module) : "",
                      frame->module ? "+" : "", frame->address) >= 0) {
        char *plain = name;
        name = printable(plain);
        free(plain);
    } else {
        return NULL;
    }
    if (name) {
        char *clone = strstr(name, " [clone ");
        if (clone)
            *clone = '\0';
        shorten_package(name);
        shorten(name, most);
    }
    return name;
}

static void put_frame(struct paper *paper, const struct named_frame *frame, size_t number)
{
    const size_t location = 52, start = INDENT + 6, inlined_width = strlen(" (inlined)");
    char *name = frame_name(frame, PAPER_COLUMNS - start - inlined_width);
    paper_put(paper, "%*s#%-4zu%s%s", INDENT, "", number, name ? name : "?",
              frame->inlined ? " (inlined)" : "");
    size_t column =
        start + (name ? printable_width(name) : 1) + (frame->inlined ? inlined_width : 0);
    free(name);
    bool located = frame->function && (frame->module || (frame->file && frame->line));
    if (!located) {
        paper_put(paper, "\n");
        return;
    }
    if (column + 2 > location) {
        paper_put(paper, "\n");
        column = 0;
    }
    paper_put(paper, "%*s", (int)(location - column), "");
    put_location(paper, frame);
}

/* What calls main, in C, Go or Rust, is the same in every program. */
static size_t frames_to_main(const struct named_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        const char *function = stack->frames[i].function;
        if (function && (strcmp(function, "main") == 0 || strcmp(function, "main.main") == 0))
            return i + 1;
        if (function && strcmp(function, "std::sys::backtrace::__rust_begin_short_backtrace") == 0)
            return i;
    }
    return stack->count;
}

static void put_stack(struct paper *paper, struct names *names, const struct finding *finding)
{
    struct named_stack stack = names_stack(names, finding->trace, finding->resize->stack);
    if (stack.count == 0) {
        label(paper, "stack");
        paper_put(paper, "not recorded\n");
        return;
    }
    paper_put(paper, "%*sthe new array was allocated at\n", INDENT, "");
    size_t count = frames_to_main(&stack), shown = count > MOST_FRAMES ? MOST_FRAMES : count;
    for (size_t i = 0; i < shown; i++)
        put_frame(paper, &stack.frames[i], i);
    if (shown < count)
        paper_put(paper, "%*s      %zu more frames\n", INDENT, "", count - shown);
}

/* --- the group -------------------------------------------------------------------- */

static const char *explain(enum judge_kind kind)
{
    switch (kind) {
    case JUDGE_STUCK:
        return "the resize stopped half-way, so both arrays stay";
    case JUDGE_LATE:
        return "the old array was released, but too late";
    default:
        return "the resize is over, but the old array was never released";
    }
}

void text_group(struct paper *paper, struct names *names, const struct group *group, size_t number)
{
    const struct finding *worst = group->findings[0];
    const struct trace_rule *rule = &worst->trace->rules[worst->resize->rule];
    paper_put(paper, "%zu. ", number);
    paper_styled(paper, PAPER_BAD, "%s", judge_kind_name(worst->judgement.kind));
    paper_put(paper, ": %s\n", explain(worst->judgement.kind));
    const char *type = runtime_type(worst->trace, worst->resize);
    label(paper, "container");
    size_t column = INDENT + LABEL;
    if (type) {
        column += paper_foreign(paper, type) + 2;
        paper_put(paper, ", ");
    }
    column += paper_foreign(paper, rule->name);
    if (*rule->about) {
        paper_put(paper, ": ");
        paper_wrap(paper, column + 2, INDENT + LABEL, rule->about);
    } else {
        paper_put(paper, "\n");
    }
    size_t shown = group->count > MOST_SHOWN ? MOST_SHOWN : group->count;
    if (group->count > 1) {
        label(paper, "how many");
        paper_put(paper, "%zu old arrays of %zu table%s, %s in all%s\n", group->count,
                  group->tables, group->tables == 1 ? "" : "s", units_exact(group->bytes).text,
                  shown < group->count ? "; the worst:" : ":");
    }
    for (size_t i = 0; i < shown; i++) {
        if (group->count > 1)
            paper_put(paper, "\n");
        put_finding(paper, group->findings[i]);
    }
    paper_put(paper, "\n");
    put_stack(paper, names, worst);
    paper_put(paper, "\n");
}
