#include "settle.h"

#include "open_resizes.h"
#include "progress.h"
#include "recorder.h"
#include "safe_read.h"

/* Looks through global data for a table's pointer; given up per process after so many failures. */
#define GLOBAL_SEARCHES 64
static unsigned failed_searches;

static uint64_t at_least_one(uint64_t bytes)
{
    return bytes ? bytes : 1;
}

static bool alive(array_index index, uint64_t serial)
{
    return index && arrays_at(index)->serial == serial;
}

/* BIRTH has surely replaced OLD: remembers where this grow function keeps its table. */
static void learn(struct birth *birth, const struct trace_array *old)
{
    evidence_learn(&birth->evidence, birth->address, at_least_one(birth->bytes), old->address,
                   at_least_one(old->bytes));
}

static struct freed *find_freed(struct activation *activation, uint64_t serial)
{
    for (unsigned i = 0; i < activation->freed_count; i++)
        if (activation->freed[i].serial == serial && !activation->freed[i].taken)
            return &activation->freed[i];
    return NULL;
}

/*
 * The place that tells which array BIRTH replaced: one whose array was released
 * in the same grow, else the one nearest to the grow function.
 */
static const struct evidence_item *flipped(struct activation *activation, const struct birth *birth)
{
    const struct evidence_item *flips[EVIDENCE_MOST];
    unsigned count =
        evidence_flips(&birth->evidence, birth->address, at_least_one(birth->bytes), flips);

    for (unsigned i = 0; activation && i < count; i++)
        if (flips[i]->array && find_freed(activation, flips[i]->serial))
            return flips[i];
    return count ? flips[0] : NULL;
}

/*
 * Where the table begins whose pointer to an array stands at SLOT. TABLE is the
 * pointer that led there; a rule's places tell which of its words this may be.
 */
static uintptr_t table_of(const struct rule *rule, uintptr_t slot, uintptr_t table)
{
    intptr_t offset = (intptr_t)(slot - table);

    if (!slot || !rule->old.known)
        return table ? table : slot;
    if (table && (offset == rule->old.offset || (rule->new.known &&offset == rule->new.offset)))
        return table;
    return slot - (uintptr_t)(intptr_t)rule->old.offset;
}

static void take_back(struct birth *birth)
{
    if (!birth->resize)
        return;
    open_resizes_cancel(birth->resize);
    birth->resize = 0;
    if (alive(birth->array, birth->serial)) {
        struct trace_array *new = &arrays_at(birth->array)->record;

        /* Whatever it was supposed to continue, it does not. */
        new->table_id = new->table = new->holder = new->table_resizes = 0;
        new->table_peak_bytes = new->bytes;
        new->flags &= (uint8_t)~TRACE_ARRAY_GLOBAL;
    }
}

/*
 * A place that pointed to the array until now proves that it was in use: an
 * earlier resize that counted it as replaced was none.
 */
static void release_from_other(array_index index)
{
    uint32_t resize = arrays_at(index)->resize;

    if (!resize)
        return;
    if (open_resizes_at(resize)->owner)
        take_back(open_resizes_at(resize)->owner);
    else
        open_resizes_cancel(resize);
}

/* Opens a resize that stays BIRTH's to take back until it is settled. */
static bool suppose(struct activation *activation, struct birth *birth, array_index old)
{
    birth->resize = open_resizes_open(activation->rule, old, birth->array, birth->born_ns);
    if (birth->resize)
        open_resizes_at(birth->resize)->owner = birth;
    return birth->resize != 0;
}

void settle_suppose(struct activation *activation, struct birth *birth)
{
    const struct evidence_item *best = NULL;
    unsigned others = 0;
    bool best_role = false;

    for (unsigned i = 0; i < birth->evidence.count; i++) {
        const struct evidence_item *item = &birth->evidence.items[i];
        const struct array *array = arrays_at(item->array);
        bool mine = false;

        for (unsigned b = 0; b < activation->birth_count; b++)
            mine |= activation->births[b].array == item->array;
        if (!item->array || mine || array->resize)
            continue;
        bool role = array->role == birth->role;
        if (best && best->array != item->array)
            others++;
        if (!best || (role && !best_role) || (role == best_role && item->rank < best->rank)) {
            best = item;
            best_role = role;
        }
    }
    if (!best || !suppose(activation, birth, best->array))
        return;
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;
    record->alternatives = others;
    if (others)
        record->confidence = TRACE_AMBIGUOUS;
    if (best->slot) {
        record->holder = best->slot;
        record->table = table_of(activation->rule, best->slot, best->table);
    }
    open_resizes_publish(birth->resize);
}

bool settle_is_done(const struct activation *activation)
{
    unsigned released = 0;

    for (unsigned i = 0; i < activation->birth_count; i++) {
        const struct birth *birth = &activation->births[i];

        if (birth->scratch || birth->settled)
            continue;
        if (!birth->resize ||
            !(open_resizes_at(birth->resize)->record.flags & TRACE_RESIZE_RELEASED))
            return false;
        released++;
    }
    return released > 0;
}

bool settle_is_stored(const struct birth *birth)
{
    uintptr_t holder, table;

    if (birth->settled || !alive(birth->array, birth->serial) || flipped(NULL, birth))
        return true;
    bool globals = failed_searches < GLOBAL_SEARCHES;
    bool stored = evidence_holder(&birth->evidence, birth->address, at_least_one(birth->bytes),
                                  globals, birth->grow_pc, &holder, &table);
    failed_searches += globals && !stored;
    return stored;
}

static void end_of_grow(const struct activation *activation, uint32_t index, uint64_t now)
{
    struct trace_resize *record = &open_resizes_at(index)->record;

    if (activation->rule->kind == RULE_INCREMENTAL || (record->flags & TRACE_RESIZE_END_SEEN))
        return;
    /*
     * The grow ended between its last event and this one. Moving takes a
     * bounded time, so a thread that slept in between does not hide a late
     * release behind a long resize.
     */
    uint64_t bound = activation->last_ns + (record->resize_end_ns - record->replaced_ns);
    record->resize_end_ns = now < bound ? now : bound;
    record->flags |= TRACE_RESIZE_END_SEEN;
}

static void keep_place(struct array *array, uintptr_t holder, uintptr_t table)
{
    array->record.holder = holder;
    array->record.table = table;
}

static void settled_pair(struct activation *activation, struct birth *birth, uint8_t confidence,
                         uint64_t now)
{
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;
    struct freed *freed = find_freed(activation, open_resizes_at(birth->resize)->old_serial);

    if (freed)
        freed->taken = true;

    record->confidence = confidence;
    end_of_grow(activation, birth->resize, now);
    if (activation->rule->kind == RULE_INCREMENTAL)
        progress_sample(open_resizes_at(birth->resize), now);
    open_resizes_settle(birth->resize);
    birth->settled = true;
}

static bool pair_with_freed(struct activation *activation, struct birth *birth, struct freed *freed)
{
    if (!freed)
        return false;
    take_back(birth);
    birth->resize = open_resizes_open_released(activation->rule, &freed->record, freed->serial,
                                               freed->released_ns, birth->array, birth->born_ns);
    freed->taken = true;
    learn(birth, &freed->record);
    return birth->resize != 0;
}

static bool find_holder(struct activation *activation, struct birth *birth, bool globals)
{
    struct array *new = arrays_at(birth->array);
    uintptr_t holder, table;

    globals = globals && failed_searches < GLOBAL_SEARCHES;
    if (!evidence_holder(&birth->evidence, birth->address, at_least_one(birth->bytes), globals,
                         birth->grow_pc, &holder, &table)) {
        failed_searches += globals;
        return false;
    }
    if (!table)
        new->record.flags |= TRACE_ARRAY_GLOBAL;
    keep_place(new, holder, table_of(activation->rule, holder, table));
    if (table && (!birth->resize || activation->birth_count == 1))
        evidence_learn(&birth->evidence, birth->address, at_least_one(birth->bytes), 0, UINT64_MAX);
    return true;
}

/* A place that held ITEM's array holds the new one now. */
static bool proven(struct activation *activation, struct birth *birth,
                   const struct evidence_item *item, uint64_t now)
{
    bool same = birth->resize && open_resizes_at(birth->resize)->old_serial == item->serial;

    if (find_freed(activation, item->serial))
        evidence_contradict(&birth->evidence, item->serial);

    if (!same && alive(item->array, item->serial)) {
        release_from_other(item->array);
        take_back(birth);
        same = suppose(activation, birth, item->array);
    } else if (!same) {
        /* Another birth of this grow may have been supposed to replace it. */
        for (unsigned i = 0; i < activation->birth_count; i++) {
            struct birth *other = &activation->births[i];

            if (other != birth && !other->settled && other->resize &&
                open_resizes_at(other->resize)->old_serial == item->serial)
                take_back(other);
        }
        same = pair_with_freed(activation, birth, find_freed(activation, item->serial));
    }
    if (!same)
        return false;
    struct array *new = arrays_at(birth->array);
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;

    if (alive(item->array, item->serial) && arrays_at(item->array)->record.holder == item->slot)
        learn(birth, &arrays_at(item->array)->record);
    keep_place(new, item->slot, table_of(activation->rule, item->slot, item->table));
    if (item->slot == item->table && !item->source)
        new->record.flags |= TRACE_ARRAY_GLOBAL;
    arrays_publish(birth->array);
    record->holder = new->record.holder;
    record->table = new->record.table;
    settled_pair(activation, birth, TRACE_EXACT, now);
    return true;
}

/* The rule names the places of both arrays: does some table show this pair? */
static bool shown_by_places(struct activation *activation, struct birth *birth, uint64_t now)
{
    const struct rule *rule = activation->rule;
    struct array *new = arrays_at(birth->array);

    if (rule->kind != RULE_INCREMENTAL || !rule->old.known)
        return false;
    for (unsigned i = 0; i < birth->evidence.count; i++) {
        const struct evidence_item *item = &birth->evidence.items[i];
        uintptr_t bases[3] = {item->slot - (uintptr_t)(intptr_t)rule->old.offset, item->table,
                              item->slot - (uintptr_t)(intptr_t)rule->new.offset};

        if (!item->slot || !alive(item->array, item->serial))
            continue;
        for (unsigned b = 0; b < 3; b++) {
            const struct array *old = arrays_at(item->array);

            if (!progress_is_open(rule, bases[b], &old->record, &new->record))
                continue;
            if (!birth->resize || open_resizes_at(birth->resize)->old != item->array) {
                release_from_other(item->array);
                take_back(birth);
                if (!suppose(activation, birth, item->array))
                    return false;
            }
            struct trace_resize *record = &open_resizes_at(birth->resize)->record;
            record->table = bases[b];
            record->holder = bases[b] + (uintptr_t)(intptr_t)rule->old.offset;
            keep_place(new, bases[b] + (uintptr_t)(intptr_t)rule->new.offset, bases[b]);
            arrays_publish(birth->array);
            settled_pair(activation, birth, TRACE_EXACT, now);
            return true;
        }
    }
    return false;
}

/* An array of the same rule that was freed within the same grow is the old one. */
static bool freed_meanwhile(struct activation *activation, struct birth *birth, uint64_t now)
{
    struct freed *best = NULL;
    unsigned others = 0;

    for (unsigned i = 0; i < activation->freed_count; i++) {
        struct freed *freed = &activation->freed[i];

        if (freed->taken)
            continue;
        if (best)
            others++;
        if (!best || (freed->role == birth->role && best->role != birth->role))
            best = freed;
    }
    if (!pair_with_freed(activation, birth, best))
        return false;
    open_resizes_at(birth->resize)->record.alternatives = others;
    settled_pair(activation, birth, others ? TRACE_INFERRED : TRACE_EXACT, now);
    return true;
}

/* An old array that no rule saw being made: the table's pointer led to a block that is gone now. */
static bool adopted(struct activation *activation, struct birth *birth, uint64_t now)
{
    struct evidence_place places[EVIDENCE_MOST];
    unsigned kept = activation->loose_count < LOOSE_MOST ? activation->loose_count : LOOSE_MOST;
    unsigned count =
        kept ? evidence_places(&birth->evidence, birth->address, at_least_one(birth->bytes), places)
             : 0;

    for (unsigned i = 0; i < count; i++)
        for (unsigned l = 0; l < kept; l++) {
            struct loose *loose = &activation->loose[l];
            struct trace_array old = {.address = loose->address,
                                      .bytes = loose->bytes,
                                      .born_ns = birth->born_ns,
                                      .rule = (uint16_t)activation->rule->index};

            if (places[i].before - loose->address >= at_least_one(loose->bytes))
                continue;
            take_back(birth);
            birth->resize = open_resizes_open_released(
                activation->rule, &old, 0, loose->released_ns, birth->array, birth->born_ns);
            if (!birth->resize)
                return false;
            learn(birth, &old);
            keep_place(arrays_at(birth->array), places[i].slot,
                       table_of(activation->rule, places[i].slot, places[i].table));
            settled_pair(activation, birth, TRACE_EXACT, now);
            return true;
        }
    return false;
}

/*
 * One array went in this grow, it was made by the same calls as the new one,
 * and when that was born it stood nearer to the grow function than what ITEM
 * shows: the table has moved since, and ITEM is another one's place.
 */
static bool freed_nearer(const struct activation *activation, const struct birth *birth,
                         const struct evidence_item *item)
{
    const struct freed *freed = NULL;

    for (unsigned i = 0; i < activation->freed_count; i++)
        if (!activation->freed[i].taken) {
            if (freed)
                return false;
            freed = &activation->freed[i];
        }
    if (!freed || freed->role != birth->role)
        return false;
    for (unsigned i = 0; i < birth->evidence.count; i++)
        if (birth->evidence.items[i].serial == freed->serial &&
            birth->evidence.items[i].rank < item->rank)
            return true;
    return false;
}

static bool still_points_to(uintptr_t slot, const struct trace_array *array)
{
    uintptr_t word;

    return slot && safe_read(slot, &word, sizeof word) &&
           word - array->address < at_least_one(array->bytes);
}

/* The supposed old array is alive: is it still in use where it was? */
static bool still_in_use(const struct birth *birth, array_index old)
{
    const struct array *array = arrays_at(old);

    if (still_points_to(array->record.holder, &array->record))
        return true;
    for (unsigned i = 0; i < birth->evidence.count; i++) {
        const struct evidence_item *item = &birth->evidence.items[i];

        if (item->array == old && item->table &&
            !evidence_in_dead_frame(&birth->evidence, item->slot) &&
            still_points_to(item->slot, &array->record))
            return true;
    }
    return false;
}

void settle_doubt(array_index old)
{
    struct open_resize *resize = open_resizes_at(arrays_at(old)->resize);
    struct birth *birth = resize->owner;
    uintptr_t holder, table;

    if (!resize->unsettled || !birth || birth->announced || flipped(NULL, birth))
        return;
    if (!alive(birth->array, birth->serial) ||
        (evidence_holder(&birth->evidence, birth->address, at_least_one(birth->bytes), false,
                         birth->grow_pc, &holder, &table) &&
         still_in_use(birth, old)))
        take_back(birth);
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

/* Another array of the same grow tells which table it is; else it is a new one. */
static void name_table(struct activation *activation, struct birth *birth)
{
    struct array *new = arrays_at(birth->array);

    if (new->record.table_id)
        return;
    for (unsigned i = 0; i < activation->birth_count; i++) {
        const struct birth *other = &activation->births[i];

        /* What is only supposed of the others may be taken back. */
        if (other != birth && (other->settled || other->replaced) &&
            alive(other->array, other->serial) && arrays_at(other->array)->record.table_id &&
            may_share_table(&new->record, &arrays_at(other->array)->record)) {
            new->record.table_id = arrays_at(other->array)->record.table_id;
            if (!new->record.table)
                new->record.table = arrays_at(other->array)->record.table;
            return;
        }
    }
    new->record.table_id = totals_new_table();
}

/* An array that replaced none that we know: the first one of its table. */
static void settle_first(struct activation *activation, struct birth *birth)
{
    struct array *new = arrays_at(birth->array);

    name_table(activation, birth);
    if (new->record.table_peak_bytes < new->record.bytes)
        new->record.table_peak_bytes = new->record.bytes;
    arrays_publish(birth->array);
    birth->settled = true;
}

bool settle_was_stored(struct activation *activation, struct birth *birth)
{
    for (struct birth *later = birth + 1; later < activation->births + activation->birth_count;
         later++)
        for (unsigned i = 0; i < later->evidence.count; i++) {
            const struct evidence_item *item = &later->evidence.items[i];

            if (item->serial != birth->serial || !item->slot)
                continue;
            if (!birth->settled) {
                take_back(birth);
                settle_first(activation, birth);
            }
            return true;
        }
    return false;
}

static void settle_dead(const struct activation *activation, struct birth *birth)
{
    struct open_resize *resize = birth->resize ? open_resizes_at(birth->resize) : NULL;

    birth->settled = true;
    if (!birth->scratch && resize && (resize->record.flags & TRACE_RESIZE_RELEASED)) {
        open_resizes_settle(birth->resize);
        return;
    }
    take_back(birth);
    totals_array_retracted((uint16_t)activation->rule->index);
}

/*
 * Before it is known where this grow function keeps its table, a place that
 * changed may be the wrong one: a leftover in a caller's frame while the array
 * is still held where it always was, or one of two tables that have changed
 * places since (the other array now stands nearer to the grow function).
 */
static bool exchanged(const struct activation *activation, const struct birth *birth,
                      const struct evidence_item *item)
{
    if (birth->evidence.sure || activation->rule->kind == RULE_INCREMENTAL || !item->array ||
        !alive(item->array, item->serial))
        return false;
    const struct trace_array *old = &arrays_at(item->array)->record;
    if (old->holder != item->slot && still_points_to(old->holder, old))
        return true;
    return evidence_nearest(&birth->evidence, old->address, at_least_one(old->bytes)) < item->rank;
}

/* It is seen where the new array's pointer stands, and was seen what stood there before. */
static bool is_held(const struct birth *birth)
{
    struct evidence_place places[EVIDENCE_MOST];

    return evidence_places(&birth->evidence, birth->address, at_least_one(birth->bytes), places) >
           0;
}

static void settle(struct activation *activation, struct birth *birth, uint64_t now, bool last)
{
    if (birth->announced) {
        birth->settled = true;
        if (birth->resize)
            settled_pair(activation, birth, TRACE_EXACT, now);
        return;
    }
    if (!alive(birth->array, birth->serial)) {
        settle_dead(activation, birth);
        return;
    }
    if (birth->replaced) {
        if (find_holder(activation, birth, activation->looks == 0 || last) || last)
            settle_first(activation, birth);
        return;
    }
    const struct evidence_item *item = flipped(activation, birth);
    if (shown_by_places(activation, birth, now) ||
        (item && item->array && find_freed(activation, item->serial) &&
         proven(activation, birth, item, now)) ||
        adopted(activation, birth, now) ||
        (item && !birth->evidence.sure && freed_nearer(activation, birth, item) &&
         freed_meanwhile(activation, birth, now)))
        return;
    if (item && exchanged(activation, birth, item)) {
        take_back(birth);
        find_holder(activation, birth, false);
        settle_first(activation, birth);
        return;
    }
    if (item && item->array && proven(activation, birth, item, now))
        return;
    if (item && !item->array && birth->evidence.sure &&
        !(activation->rule->kind == RULE_INCREMENTAL && activation->rule->old.known)) {
        /* Where this table keeps its array there was none before. */
        take_back(birth);
        keep_place(arrays_at(birth->array), item->slot,
                   table_of(activation->rule, item->slot, item->table));
        settle_first(activation, birth);
        return;
    }
    struct open_resize *resize = birth->resize ? open_resizes_at(birth->resize) : NULL;
    bool known_place = is_held(birth),
         gone = resize && (resize->record.flags & TRACE_RESIZE_RELEASED);
    if (gone && (!known_place || find_freed(activation, resize->old_serial))) {
        find_holder(activation, birth, false);
        settled_pair(activation, birth, resize->record.confidence, now);
        return;
    }
    if (freed_meanwhile(activation, birth, now))
        return;
    if (gone) {
        /* It stood elsewhere; where the new one stands there was no array that we know. */
        take_back(birth);
        find_holder(activation, birth, false);
        settle_first(activation, birth);
        return;
    }
    bool placed = find_holder(activation, birth, activation->looks == 0 || last);
    if (resize && resize->old && still_in_use(birth, resize->old)) {
        const struct trace_array *new = &arrays_at(birth->array)->record;

        /* Both are held: an incremental resize without known places, or another table's array. */
        if (placed && activation->rule->kind == RULE_INCREMENTAL && !activation->rule->old.known &&
            new->table == arrays_at(resize->old)->record.table) {
            settled_pair(activation, birth, resize->record.confidence, now);
        } else if (placed || last) {
            uintptr_t holder = new->holder, table = new->table;

            take_back(birth);
            keep_place(arrays_at(birth->array), holder, table);
            settle_first(activation, birth);
        }
        return;
    }
    if (resize && (placed || last))
        settled_pair(activation, birth, resize->record.confidence, now);
    else if (!resize && (placed || last))
        settle_first(activation, birth);
}

bool settle_activation(struct activation *activation, uint64_t now, bool last)
{
    bool all = true;

    /* Scratch blocks first: what they were supposed to replace belongs to another birth. */
    for (unsigned i = 0; i < activation->birth_count; i++)
        if (!activation->births[i].settled && activation->births[i].scratch)
            settle(activation, &activation->births[i], now, last);
    for (unsigned i = 0; i < activation->birth_count; i++) {
        struct birth *birth = &activation->births[i];

        if (!birth->settled)
            settle(activation, birth, now, last);
        all &= birth->settled;
    }
    activation->looks++;
    return all;
}
