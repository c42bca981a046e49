#define _GNU_SOURCE /* asprintf */
#include "analyzer/text_runtime.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/runtime.h"
#include "analyzer/shorten.h"
#include "analyzer/units.h"

#define MOST_ADVICES 5

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* TEXT, that asprintf() answered LENGTH for, in lines from COLUMN on; frees it. */
static void put_text(struct paper *paper, size_t column, char *text, int length)
{
    paper_wrap(paper, column, column, length < 0 ? "" : text);
    if (length >= 0)
        free(text);
}

void text_growth(struct paper *paper, size_t column, const struct finding *finding)
{
    const struct trace_resize *resize = finding->resize;
    bool same_size = resize->flags & TRACE_RESIZE_SAME_SIZE;
    uint64_t of = resize->of == TRACE_UNKNOWN ? 0 : resize->of;
    double load = of ? (double)resize->entries / (double)of : 0;
    char *text, overflow[80] = "";
    if (resize->overflow)
        snprintf(overflow, sizeof(overflow), ", %s%s overflow bucket%s",
                 of > UINT64_C(1) << 15 ? "about " : "", units_count(resize->overflow).text,
                 plural(resize->overflow));
    int length =
        same_size
            ? asprintf(&text, "into as many again, %s buckets, at %s entries (%.1f a bucket)%s",
                       units_count(of).text, units_count(resize->entries).text, load, overflow)
            : asprintf(&text, "from %s to %s buckets at %s entries (%.1f a bucket)%s",
                       units_count(of).text, units_count(2 * of).text,
                       units_count(resize->entries).text, load, overflow);
    put_text(paper, column, text, length);
}

void text_collections(struct paper *paper, size_t column, const struct finding *finding)
{
    struct runtime_collections collections = runtime_collections(finding);
    char *text, pauses[80] = "", heap[80] = "";
    if (collections.pause_ns)
        snprintf(pauses, sizeof(pauses), " (pauses %s)", units_time(collections.pause_ns).text);
    if (collections.heap_bytes != TRACE_UNKNOWN)
        snprintf(heap, sizeof(heap), "; heap then %s", units_size(collections.heap_bytes).text);
    int length = collections.count ? asprintf(&text, "held %s through %s%s%s",
                                              units_size(finding->resize->old_bytes).text,
                                              units_count(collections.count).text, pauses, heap)
                                   : asprintf(&text, "none meanwhile");
    put_text(paper, column, text, length);
}

void text_collected(struct paper *paper, const struct trace *trace)
{
    const struct trace_collection *collections = trace->collections;
    size_t count = trace->collection_count;
    uint64_t most = 0, collected = trace->header.collected;
    for (size_t i = 0; i < count; i++)
        if (collections[i].heap_bytes != TRACE_UNKNOWN && collections[i].heap_bytes > most)
            most = collections[i].heap_bytes;
    if (count) {
        uint64_t cycles = collections[count - 1].cycles;
        paper_put(paper, "   %s garbage collection%s since the program began, ",
                  units_count(cycles).text, plural(cycles));
        paper_put(paper, "pauses %s", units_time(collections[count - 1].pause_ns).text);
        if (most)
            paper_put(paper, ", heap at most %s", units_size(most).text);
        paper_put(paper, "\n");
    }
    if (collected)
        paper_put(paper, "   %s map%s collected in the middle of a resize: no finding\n",
                  units_count(collected).text, collected == 1 ? " was" : "s were");
}

/* --- advice ------------------------------------------------------------------------ */

/* "in main.load (main.go:12)"; to be freed, NULL: no memory. */
static char *place_of(struct names *names, const struct trace *trace, uint32_t stack)
{
    const struct named_frame *frame = runtime_caller(names_stack(names, trace, stack));
    if (!frame)
        return strdup("at a place that is not known");
    char *function = strdup(frame->function), *text = NULL;
    if (!function)
        return NULL;
    shorten_package(function);
    const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;
    int length = slash && frame->line
                     ? asprintf(&text, "in %s (%s:%u)", function, slash + 1, frame->line)
                     : asprintf(&text, "in %s", function);
    free(function);
    return length < 0 ? NULL : text;
}

static char *presize_text(const struct advice *advice, const char *place)
{
    const struct trace_site *site = advice->site;
    const char *type = trace_type(advice->trace, site->type)->name;
    char *text = NULL;
    int length = asprintf(
        &text,
        "%s grew %s time%s %s, up to %s in a row, the largest map beyond %s entries. make(%s, n) "
        "with the number of entries to come would have saved these resizes and up to %s of arrays "
        "that were replaced.",
        type, units_count(site->resizes).text, plural(site->resizes), place,
        units_count(site->most_resizes).text, units_count(site->most_entries).text, type,
        units_size(advice->bytes).text);
    return length < 0 ? NULL : text;
}

static char *few_entries_text(const struct advice *advice, const char *place)
{
    const struct trace_array *array = advice->array;
    char *text = NULL;
    int length = asprintf(&text,
                          "%s at 0x%" PRIx64
                          ", which grew %s, keeps an array of %s for %s entr%s. Maps never shrink; "
                          "copying it into a new one would free about %s.",
                          trace_type(advice->trace, array->type)->name, array->table, place,
                          units_size(array->bytes).text, units_count(array->entries).text,
                          array->entries == 1 ? "y" : "ies", units_size(advice->bytes).text);
    return length < 0 ? NULL : text;
}

void text_advices(struct paper *paper, struct names *names, const struct advices *advices)
{
    size_t shown = advices->count > MOST_ADVICES ? MOST_ADVICES : advices->count;
    if (shown == 0)
        return;
    paper_styled(paper, PAPER_BOLD, "\nAdvice\n");
    for (size_t i = 0; i < shown; i++) {
        const struct advice *advice = &advices->items[i];
        bool presize = advice->kind == ADVICE_PRESIZE;
        char *place =
            place_of(names, advice->trace, presize ? advice->site->stack : advice->array->stack);
        char *text = !place    ? NULL
                     : presize ? presize_text(advice, place)
                               : few_entries_text(advice, place);
        paper_put(paper, " - ");
        paper_wrap(paper, 3, 3, text ? text : "");
        free(place);
        free(text);
    }
    if (shown < advices->count)
        paper_put(paper, " - %zu more, use --format=json\n", advices->count - shown);
}
