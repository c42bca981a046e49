#include "pair.h"

#include "open_resizes.h"
#include "progress.h"
#include "recorder.h"

uint64_t pair_bytes(uint64_t bytes)
{
    return bytes ? bytes : 1;
}

bool pair_alive(array_index index, uint64_t serial)
{
    return index && arrays_at(index)->serial == serial;
}

void pair_learn(struct birth *birth, const struct trace_array *old)
{
    evidence_learn(&birth->evidence, birth->address, pair_bytes(birth->bytes), old->address,
                   pair_bytes(old->bytes));
}

struct freed *pair_find_freed(struct activation *activation, uint64_t serial)
{
    for (unsigned i = 0; i < activation->freed_count; i++)
        if (activation->freed[i].serial == serial && !activation->freed[i].taken)
            return &activation->freed[i];
    return NULL;
}

uintptr_t pair_table_of(const struct rule *rule, uintptr_t slot, uintptr_t table)
{
    intptr_t offset = (intptr_t)(slot - table);

    if (!slot || !rule->old.known)
        return table ? table : slot;
    if (table && (offset == rule->old.offset || (rule->new.known &&offset == rule->new.offset)))
        return table;
    return slot - (uintptr_t)(intptr_t)rule->old.offset;
}

void pair_take_back(struct birth *birth)
{
    if (!birth->resize)
        return;
    open_resizes_cancel(birth->resize);
    birth->resize = 0;
    if (pair_alive(birth->array, birth->serial)) {
        struct trace_array *new = &arrays_at(birth->array)->record;

        /* Whatever it was supposed to continue, it does not. */
        new->table_id = new->table = new->holder = new->table_resizes = 0;
        new->table_peak_bytes = new->bytes;
        new->flags &= (uint8_t)~TRACE_ARRAY_GLOBAL;
    }
}

void pair_release_old(array_index index)
{
    uint32_t resize = arrays_at(index)->resize;

    if (!resize)
        return;
    if (open_resizes_at(resize)->owner)
        pair_take_back(open_resizes_at(resize)->owner);
    else
        open_resizes_cancel(resize);
}

bool pair_suppose(struct activation *activation, struct birth *birth, array_index old)
{
    birth->resize = open_resizes_open(activation->rule, old, birth->array, birth->born_ns);
    if (birth->resize)
        open_resizes_at(birth->resize)->owner = birth;
    return birth->resize != 0;
}

static void end_of_grow(const struct activation *activation, uint32_t index, uint64_t now)
{
    struct trace_resize *record = &open_resizes_at(index)->record;

    if (activation->rule->kind == RULE_INCREMENTAL || (record->flags & TRACE_RESIZE_END_SEEN))
        return;
    record->flags |= TRACE_RESIZE_END_SEEN;
    if (activation->returned_ns && activation->whole) {
        record->resize_end_ns = activation->returned_ns;
        return;
    }
    /*
     * The grow ended between its last event and this one. Moving takes a
     * bounded time, so a thread that slept in between does not hide a late
     * release behind a long resize.
     */
    uint64_t bound = activation->last_ns + (record->resize_end_ns - record->replaced_ns);
    record->resize_end_ns = now < bound ? now : bound;
}

void pair_settle(struct activation *activation, struct birth *birth, uint8_t confidence,
                 uint64_t now)
{
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;
    struct freed *freed = pair_find_freed(activation, open_resizes_at(birth->resize)->old_serial);

    if (freed)
        freed->taken = true;

    record->confidence = confidence;
    end_of_grow(activation, birth->resize, now);
    if (activation->rule->kind == RULE_INCREMENTAL)
        progress_sample(open_resizes_at(birth->resize), now);
    open_resizes_settle(birth->resize);
    birth->settled = true;
}

bool pair_with_freed(struct activation *activation, struct birth *birth, struct freed *freed)
{
    if (!freed)
        return false;
    pair_take_back(birth);
    birth->resize = open_resizes_open_released(activation->rule, &freed->record, freed->serial,
                                               freed->released_ns, birth->array, birth->born_ns);
    freed->taken = true;
    pair_learn(birth, &freed->record);
    return birth->resize != 0;
}

/* Their holders do not speak against it that two arrays of one grow are of one table. */
static bool may_share_table(const struct trace_array *one, const struct trace_array *other)
{
    uint64_t apart =
        one->holder > other->holder ? one->holder - other->holder : other->holder - one->holder;

    if (!one->holder || !other->holder || one->table == other->table)
        return true;
    return ((one->flags | other->flags) & TRACE_ARRAY_GLOBAL) &&
           apart < TABLE_WORDS * sizeof(uint64_t);
}

/* Only grows that were inlined into one frame may be taken together. */
static bool is_one_grow(const struct activation *activation)
{
    return activation->whole && activation->returned_ns;
}

uint64_t pair_table_id(const struct activation *activation, const struct birth *birth)
{
    const struct trace_array *new = &arrays_at(birth->array)->record;

    for (unsigned i = 0; i < activation->birth_count; i++) {
        const struct birth *other = &activation->births[i];

        /* What is only supposed of the others may be taken back. */
        if (other == birth || !(other->settled || other->replaced) ||
            !pair_alive(other->array, other->serial))
            continue;
        const struct trace_array *known = &arrays_at(other->array)->record;
        if (known->table_id && (is_one_grow(activation) || may_share_table(new, known)))
            return known->table_id;
    }
    return 0;
}

void pair_first(struct activation *activation, struct birth *birth)
{
    struct array *new = arrays_at(birth->array);

    if (!new->record.table_id)
        new->record.table_id = pair_table_id(activation, birth);
    if (!new->record.table_id)
        new->record.table_id = totals_new_table();
    if (new->record.table_peak_bytes < new->record.bytes)
        new->record.table_peak_bytes = new->record.bytes;
    arrays_publish(birth->array);
    birth->settled = true;
}
