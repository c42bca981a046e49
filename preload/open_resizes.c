#include "open_resizes.h"

#include <errno.h>
#include <string.h>

#include "pages.h"
#include "recorder.h"

static struct open_resize *resizes;
static uint32_t room, end = 1, free_list, incremental;

/*
 * How long moving one byte's worth of buckets may take at most, where the end
 * of a grow was not seen: 1 us for each 8-byte bucket.
 */
#define MOVE_NS_A_BYTE 128

int open_resizes_start(uint32_t entries)
{
    resizes = pages_map(entries * sizeof *resizes);
    if (!resizes)
        return -ENOMEM;
    pages_are_books(resizes, entries * sizeof *resizes);
    room = entries;
    return 0;
}

struct open_resize *open_resizes_at(uint32_t index)
{
    return &resizes[index];
}

uint32_t open_resizes_end(void)
{
    return end;
}

uint32_t open_resizes_incremental(void)
{
    return __atomic_load_n(&incremental, __ATOMIC_RELAXED);
}

void open_resizes_publish(uint32_t index)
{
    recorder_resize(index, &resizes[index].record);
}

void totals_array_added(const struct rule *rule, uint64_t bytes)
{
    struct trace_header *header = recorder_header();
    struct trace_rule *entry = recorder_rule(rule->index);

    header->arrays_seen++;
    header->live_arrays++;
    header->live_array_bytes += bytes;
    if (header->live_array_bytes > header->peak_array_bytes)
        header->peak_array_bytes = header->live_array_bytes;
    entry->arrays++;
    if (!(entry->flags & TRACE_RULE_PARTIAL))
        entry->status = TRACE_RULE_ACTIVE;
}

void totals_array_removed(uint64_t bytes)
{
    struct trace_header *header = recorder_header();

    header->live_arrays--;
    header->live_array_bytes -= bytes;
}

void totals_array_retracted(uint16_t rule)
{
    recorder_header()->arrays_seen--;
    recorder_rule(rule)->arrays--;
}

void totals_array_inherited(uint64_t bytes)
{
    struct trace_header *header = recorder_header();

    header->live_arrays++;
    header->live_array_bytes += bytes;
    header->peak_array_bytes = header->live_array_bytes;
}

uint64_t totals_new_table(void)
{
    static uint64_t last_id; /* goes on after a fork: inherited tables keep their ids */

    recorder_header()->tables++;
    return ++last_id;
}

static void count_resize(uint16_t rule, int change)
{
    recorder_header()->resizes_seen += (uint64_t)(int64_t)change;
    recorder_rule(rule)->resizes += (uint64_t)(int64_t)change;
}

static void count_old(uint64_t bytes)
{
    struct trace_header *header = recorder_header();

    header->old_array_bytes += bytes;
    if (header->old_array_bytes > header->peak_old_bytes)
        header->peak_old_bytes = header->old_array_bytes;
}

static uint32_t take(void)
{
    uint32_t index = free_list;

    if (index)
        free_list = resizes[index].next_free;
    else if (end < room && recorder_resize_fits(end))
        index = end++;
    else
        recorder_header()->lost_arrays++;
    return index;
}

static void drop(uint32_t index)
{
    struct open_resize *resize = &resizes[index];

    if (resize->old && arrays_at(resize->old)->serial == resize->old_serial) {
        struct array *old = arrays_at(resize->old);

        old->resize = 0;
        old->record.flags &= (uint8_t)~TRACE_ARRAY_OLD;
        arrays_publish(resize->old);
    }
    resize->record.state = TRACE_SLOT_FREE;
    resize->owner = NULL;
    open_resizes_publish(index);
    resize->next_free = free_list;
    free_list = index;
}

/* NEW goes on with the table that OLD belonged to. */
static void inherit(const struct trace_array *old, struct array *new)
{
    new->record.table_id = old->table_id ? old->table_id : totals_new_table();
    new->record.table = old->table;
    new->record.holder = old->holder;
    new->record.flags |= old->flags &TRACE_ARRAY_GLOBAL;
    new->record.table_resizes = old->table_resizes + 1;
    new->record.table_peak_bytes =
        old->table_peak_bytes > new->record.bytes ? old->table_peak_bytes : new->record.bytes;
}

static void fill(struct trace_resize *record, const struct rule *rule,
                 const struct trace_array *old, const struct trace_array *new, uint64_t ns)
{
    uint32_t sequence = record->sequence;

    *record = (struct trace_resize){
        .sequence = sequence,
        .state = TRACE_SLOT_USED,
        .confidence = TRACE_INFERRED,
        .rule = (uint16_t)rule->index,
        .stack = new->stack,
        .thread = new->thread,
        .table_id = new->table_id,
        .table = new->table,
        .holder = new->holder,
        .old_address = old->address,
        .old_bytes = old->bytes,
        .old_born_ns = old->born_ns,
        .new_address = new->address,
        .new_bytes = new->bytes,
        .replaced_ns = ns,
        .moved = TRACE_UNKNOWN,
        .of = TRACE_UNKNOWN,
        .progress_ns = ns,
        .sampled_ns = ns,
        .table_resizes = new->table_resizes,
    };
    if (rule->kind != RULE_INCREMENTAL)
        record->resize_end_ns = ns + old->bytes * MOVE_NS_A_BYTE;
}

uint32_t open_resizes_open(const struct rule *rule, array_index old_index, array_index new_index,
                           uint64_t ns)
{
    uint32_t index = take();
    struct array *old = arrays_at(old_index), *new = arrays_at(new_index);

    if (!index)
        return 0;
    inherit(&old->record, new);
    old->record.table_id = new->record.table_id;
    old->record.flags |= TRACE_ARRAY_OLD;
    old->resize = index;
    struct open_resize *resize = &resizes[index];
    fill(&resize->record, rule, &old->record, &new->record, ns);
    resize->old = old_index;
    resize->old_serial = old->serial;
    resize->unsettled = true;
    count_resize(resize->record.rule, 1);
    count_old(old->record.bytes);
    if (rule->kind == RULE_INCREMENTAL)
        __atomic_fetch_add(&incremental, 1, __ATOMIC_RELAXED);
    arrays_publish(old_index);
    return index;
}

uint32_t open_resizes_open_released(const struct rule *rule, const struct trace_array *old,
                                    uint64_t old_serial, uint64_t released_ns,
                                    array_index new_index, uint64_t ns)
{
    uint32_t index = take();
    struct array *new = arrays_at(new_index);

    if (!index)
        return 0;
    inherit(old, new);
    struct open_resize *resize = &resizes[index];
    fill(&resize->record, rule, old, &new->record, ns);
    resize->old = 0;
    resize->old_serial = old_serial;
    resize->unsettled = true;
    resize->record.flags |= TRACE_RESIZE_RELEASED;
    resize->record.released_ns = released_ns;
    count_resize(resize->record.rule, 1);
    arrays_publish(new_index);
    open_resizes_publish(index);
    return index;
}

static bool counts_as_incremental(const struct open_resize *resize)
{
    return recorder_rule(resize->record.rule)->kind == TRACE_INCREMENTAL &&
           !(resize->record.flags & (TRACE_RESIZE_RELEASED | TRACE_RESIZE_INHERITED));
}

void open_resizes_cancel(uint32_t index)
{
    struct open_resize *resize = &resizes[index];

    if (counts_as_incremental(resize))
        __atomic_fetch_sub(&incremental, 1, __ATOMIC_RELAXED);
    if (!(resize->record.flags & TRACE_RESIZE_RELEASED))
        recorder_header()->old_array_bytes -= resize->record.old_bytes;
    count_resize(resize->record.rule, -1);
    drop(index);
}

static void finish(uint32_t index)
{
    recorder_finished(&resizes[index].record);
    resizes[index].old = 0;
    drop(index);
}

void open_resizes_release(uint32_t index, uint64_t ns, bool retired)
{
    struct open_resize *resize = &resizes[index];
    struct trace_resize *record = &resize->record;

    if (record->flags & TRACE_RESIZE_RELEASED)
        return;
    if (counts_as_incremental(resize)) {
        __atomic_fetch_sub(&incremental, 1, __ATOMIC_RELAXED);
        /* Without places nothing is known to have moved in between. */
        uint64_t seen =
            recorder_rule(record->rule)->flags & TRACE_RULE_PROGRESS ? record->sampled_ns : ns;
        if (!(record->flags & TRACE_RESIZE_END_SEEN)) {
            if (seen - record->progress_ns > record->longest_stall_ns) {
                record->longest_stall_ns = seen - record->progress_ns;
                record->stall_start_ns = record->progress_ns;
            }
            record->resize_end_ns = ns;
            record->flags |= TRACE_RESIZE_END_SEEN;
        }
    }
    if (retired)
        record->flags |= TRACE_RESIZE_RETIRED;
    record->flags |= TRACE_RESIZE_RELEASED;
    record->released_ns = ns;
    recorder_header()->old_array_bytes -= record->old_bytes;
    if (resize->old && arrays_at(resize->old)->serial == resize->old_serial)
        arrays_at(resize->old)->resize = 0;
    resize->old = 0;
    if (!resize->unsettled)
        finish(index);
}

void open_resizes_settle(uint32_t index)
{
    struct open_resize *resize = &resizes[index];

    resize->unsettled = false;
    resize->owner = NULL;
    if (resize->record.flags & TRACE_RESIZE_RELEASED)
        finish(index);
    else
        open_resizes_publish(index);
}

void open_resizes_instant(const struct rule *rule, const struct trace_array *old,
                          array_index new_index, uint64_t ns)
{
    struct array *new = arrays_at(new_index);
    struct trace_resize record = {0};

    inherit(old, new);
    fill(&record, rule, old, &new->record, ns);
    record.confidence = TRACE_EXACT;
    record.flags = TRACE_RESIZE_RELEASED | TRACE_RESIZE_END_SEEN;
    record.resize_end_ns = record.released_ns = ns;
    count_resize(record.rule, 1);
    recorder_finished(&record);
}

void open_resizes_inherit(void)
{
    for (uint32_t index = 1; index < end; index++) {
        struct trace_resize *record = &resizes[index].record;

        if (record->state != TRACE_SLOT_USED)
            continue;
        record->flags |= TRACE_RESIZE_INHERITED;
        resizes[index].unsettled = false;
        resizes[index].owner = NULL;
        if (!(record->flags & TRACE_RESIZE_RELEASED))
            count_old(record->old_bytes);
    }
    incremental = 0;
}
