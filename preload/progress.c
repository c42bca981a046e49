#include "progress.h"

#include "pages.h"
#include "recorder.h"
#include "safe_read.h"

static const struct rule **rules; /* by index */
static unsigned rule_count;
static struct arena memory;

void progress_start(const struct rule_set *set)
{
    arena_init(&memory);
    rules = arena_take(&memory, (set->count + 1) * sizeof *rules);
    for (const struct rule *rule = set->first; rules && rule; rule = rule->next)
        rules[rule->index] = rule;
    rule_count = rules ? set->count : 0;
}

static bool read_place(const struct rule_place *place, uintptr_t table, uint64_t *value)
{
    uint64_t raw = 0;

    if (!place->known || !safe_read(table + (uintptr_t)(intptr_t)place->offset, &raw, place->size))
        return false;
    if (place->power_of_two) {
        if (raw > 62)
            return false;
        raw = (uint64_t)1 << raw;
    }
    *value = raw;
    return true;
}

static bool points_into(uint64_t word, uint64_t address, uint64_t bytes)
{
    return word - address < (bytes ? bytes : 1);
}

bool progress_is_open(const struct rule *rule, uintptr_t table, const struct trace_array *old,
                      const struct trace_array *new)
{
    uint64_t word;

    if (!table || !rule->old.known || !read_place(&rule->old, table, &word) ||
        !points_into(word, old->address, old->bytes))
        return false;
    return !rule->new.known ||
           (read_place(&rule->new, table, &word) && points_into(word, new->address, new->bytes));
}

static void ended(struct trace_resize *record, uint64_t ns)
{
    record->resize_end_ns = ns;
    record->flags |= TRACE_RESIZE_END_SEEN;
}

/* -1 in the width of the place: the table says that no resize is open. */
static bool is_none(const struct rule_place *place, uint64_t value)
{
    return !place->power_of_two && value == UINT64_MAX >> (64 - 8 * place->size);
}

void progress_sample(struct open_resize *resize, uint64_t ns)
{
    struct trace_resize *record = &resize->record;
    const struct rule *rule = record->rule < rule_count ? rules[record->rule] : NULL;
    uint64_t word, moved, of;

    if (!rule || rule->kind != RULE_INCREMENTAL || !record->table ||
        (record->flags & (TRACE_RESIZE_RELEASED | TRACE_RESIZE_END_SEEN | TRACE_RESIZE_UNREADABLE)))
        return;
    if (rule->old.known) {
        if (!read_place(&rule->old, record->table, &word)) {
            record->flags |= TRACE_RESIZE_UNREADABLE;
            return;
        }
        if (!points_into(word, record->old_address, record->old_bytes)) {
            /* Null or the new array: the table has let go. Anything else: it is not there any more.
             */
            if (word == 0 || points_into(word, record->new_address, record->new_bytes))
                ended(record, ns);
            else
                record->flags |= TRACE_RESIZE_UNREADABLE;
            return;
        }
    }
    if (read_place(&rule->of, record->table, &of))
        record->of = of;
    if (!read_place(&rule->moved, record->table, &moved))
        return;
    if (is_none(&rule->moved, moved)) {
        ended(record, ns);
        return;
    }
    if (moved != record->moved) {
        /* It moved at some time since the last look, so only the time up to that look was a stall.
         */
        if (record->sampled_ns - record->progress_ns > record->longest_stall_ns) {
            record->longest_stall_ns = record->sampled_ns - record->progress_ns;
            record->stall_start_ns = record->progress_ns;
        }
        record->moved = moved;
        record->progress_ns = ns;
    } else if (ns - record->progress_ns > record->longest_stall_ns) {
        record->longest_stall_ns = ns - record->progress_ns;
        record->stall_start_ns = record->progress_ns;
    }
    record->sampled_ns = ns;
}

void progress_sample_all(uint64_t ns)
{
    for (uint32_t index = 1; index < open_resizes_end(); index++) {
        struct open_resize *resize = open_resizes_at(index);

        if (resize->record.state != TRACE_SLOT_USED ||
            recorder_rule(resize->record.rule)->kind != TRACE_INCREMENTAL)
            continue;
        progress_sample(resize, ns);
        open_resizes_publish(index);
    }
    recorder_header()->last_ns = ns;
}
