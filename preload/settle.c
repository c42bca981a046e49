#include "settle.h"

#include "adopt.h"
#include "open_resizes.h"
#include "pair.h"
#include "progress.h"
#include "suppose.h"

/* Looks through global data for a table's pointer; given up per process after so many failures. */
#define GLOBAL_SEARCHES 64
static unsigned failed_searches;

/*
 * The place that tells which array BIRTH replaced: one whose array was released
 * in the same grow, else the one nearest to the grow function.
 */
static const struct evidence_item *flipped(struct activation *activation, struct birth *birth,
                                           bool returning)
{
    const struct evidence_item *flips[EVIDENCE_MOST];

    evidence_look(&birth->evidence, returning);
    unsigned count =
        evidence_flips(&birth->evidence, birth->address, pair_bytes(birth->bytes), flips);

    for (unsigned i = 0; activation && i < count; i++)
        if (flips[i]->array && pair_find_freed(activation, flips[i]->serial))
            return flips[i];
    return count ? flips[0] : NULL;
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

static bool is_stored(struct birth *birth, bool globals, bool returning)
{
    uintptr_t holder, table;

    return birth->settled || !pair_alive(birth->array, birth->serial) ||
           flipped(NULL, birth, returning) ||
           evidence_holder(&birth->evidence, birth->address, pair_bytes(birth->bytes), globals,
                           birth->grow_pc, &holder, &table);
}

bool settle_is_stored(struct birth *birth)
{
    bool globals = failed_searches < GLOBAL_SEARCHES, stored = is_stored(birth, globals, false);

    failed_searches += globals && !stored;
    return stored;
}

bool settle_is_all_held(struct activation *activation)
{
    for (unsigned i = 0; i < activation->birth_count; i++)
        if (!is_stored(&activation->births[i], false, true))
            return false;
    return true;
}

static bool find_holder(struct activation *activation, struct birth *birth, bool globals)
{
    struct array *new = arrays_at(birth->array);
    uintptr_t holder, table;

    globals = globals && failed_searches < GLOBAL_SEARCHES;
    if (!evidence_holder(&birth->evidence, birth->address, pair_bytes(birth->bytes), globals,
                         birth->grow_pc, &holder, &table)) {
        failed_searches += globals;
        return false;
    }
    if (!table)
        new->record.flags |= TRACE_ARRAY_GLOBAL;
    arrays_keep_place(birth->array, holder, pair_table_of(activation->rule, holder, table));
    if (table && (!birth->resize || activation->birth_count == 1))
        evidence_learn(&birth->evidence, birth->address, pair_bytes(birth->bytes), 0, UINT64_MAX);
    return true;
}

/* A place that held ITEM's array holds the new one now. */
static bool proven(struct activation *activation, struct birth *birth,
                   const struct evidence_item *item, uint64_t now)
{
    bool same = birth->resize && open_resizes_at(birth->resize)->old_serial == item->serial;
    const struct freed *freed = pair_find_freed(activation, item->serial);

    if (freed)
        evidence_contradict(&birth->evidence, item->serial);
    if (same && freed) {
        pair_learn(birth, &freed->record);
    } else if (!same && pair_alive(item->array, item->serial)) {
        pair_release_old(item->array);
        pair_take_back(birth);
        same = pair_suppose(activation, birth, item->array);
    } else if (!same) {
        /* Another birth of this grow may have been supposed to replace it. */
        for (unsigned i = 0; i < activation->birth_count; i++) {
            struct birth *other = &activation->births[i];

            if (other != birth && !other->settled && other->resize &&
                open_resizes_at(other->resize)->old_serial == item->serial)
                pair_take_back(other);
        }
        same = pair_with_freed(activation, birth, pair_find_freed(activation, item->serial));
    }
    if (!same)
        return false;
    struct array *new = arrays_at(birth->array);
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;

    if (pair_alive(item->array, item->serial) &&
        arrays_at(item->array)->record.holder == item->slot)
        pair_learn(birth, &arrays_at(item->array)->record);
    arrays_keep_place(birth->array, item->slot,
                      pair_table_of(activation->rule, item->slot, item->table));
    if (item->slot == item->table && !item->source)
        new->record.flags |= TRACE_ARRAY_GLOBAL;
    arrays_publish(birth->array);
    record->holder = new->record.holder;
    record->table = new->record.table;
    pair_settle(activation, birth, TRACE_EXACT, now);
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

        if (!item->slot || !pair_alive(item->array, item->serial))
            continue;
        for (unsigned b = 0; b < 3; b++) {
            const struct array *old = arrays_at(item->array);

            if (!progress_is_open(rule, bases[b], &old->record, &new->record))
                continue;
            if (!birth->resize || open_resizes_at(birth->resize)->old != item->array) {
                pair_release_old(item->array);
                pair_take_back(birth);
                if (!pair_suppose(activation, birth, item->array))
                    return false;
            }
            struct trace_resize *record = &open_resizes_at(birth->resize)->record;
            record->table = bases[b];
            record->holder = bases[b] + (uintptr_t)(intptr_t)rule->old.offset;
            arrays_keep_place(birth->array, bases[b] + (uintptr_t)(intptr_t)rule->new.offset,
                              bases[b]);
            arrays_publish(birth->array);
            pair_settle(activation, birth, TRACE_EXACT, now);
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
    pair_settle(activation, birth, others ? TRACE_INFERRED : TRACE_EXACT, now);
    return true;
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

bool settle_was_stored(struct activation *activation, struct birth *birth)
{
    for (struct birth *later = birth + 1; later < activation->births + activation->birth_count;
         later++)
        for (unsigned i = 0; i < later->evidence.count; i++) {
            const struct evidence_item *item = &later->evidence.items[i];

            if (item->serial != birth->serial || !item->slot)
                continue;
            if (!birth->settled) {
                pair_take_back(birth);
                pair_first(activation, birth);
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
    pair_take_back(birth);
    totals_array_retracted((uint16_t)activation->rule->index);
}

/*
 * As long as it is not known where this grow function keeps its table, a place
 * that changed may be the wrong one: a leftover, in a frame or in a block that
 * was a table before, while the array is still held where it always was; or one
 * of two that have changed places since (the other array now stands nearer to
 * the grow function). Later it is the old holder that is the leftover: the
 * table has moved, and its memory was freed.
 */
static bool exchanged(const struct activation *activation, const struct birth *birth,
                      const struct evidence_item *item)
{
    if (activation->rule->kind == RULE_INCREMENTAL || birth->evidence.sure || !item->array ||
        !pair_alive(item->array, item->serial))
        return false;
    const struct trace_array *old = &arrays_at(item->array)->record;
    if (old->holder != item->slot && suppose_points_to(old->holder, old))
        return true;
    /* While its grow function is seen to return nobody can have exchanged them. */
    return !(activation->whole && activation->returned_ns) &&
           evidence_nearest(&birth->evidence, old->address, pair_bytes(old->bytes)) < item->rank;
}

/* It is seen where the new array's pointer stands, and was seen what stood there before. */
static bool is_held(const struct birth *birth)
{
    struct evidence_place places[EVIDENCE_MOST];

    return evidence_places(&birth->evidence, birth->address, pair_bytes(birth->bytes), places) > 0;
}

/* Two arrays that are in use at a time are kept side by side, if not found through one pointer. */
static bool is_one_table(const struct trace_array *new, const struct trace_array *old)
{
    return new->table == old->table || new->holder == old->holder + sizeof(void *) ||
           old->holder == new->holder + sizeof(void *);
}

static void settle(struct activation *activation, struct birth *birth, uint64_t now, bool last)
{
    if (birth->announced) {
        birth->settled = true;
        if (birth->resize)
            pair_settle(activation, birth, TRACE_EXACT, now);
        return;
    }
    if (!pair_alive(birth->array, birth->serial)) {
        settle_dead(activation, birth);
        return;
    }
    if (birth->replaced) {
        evidence_look(&birth->evidence, false);
        if (find_holder(activation, birth, activation->looks == 0 || last) || last)
            pair_first(activation, birth);
        return;
    }
    bool returning = activation->returned_ns && !activation->looks;
    const struct evidence_item *item = flipped(activation, birth, returning);
    if (shown_by_places(activation, birth, now) ||
        (item && item->array && pair_find_freed(activation, item->serial) &&
         proven(activation, birth, item, now)) ||
        adopt_released(activation, birth, now) ||
        (item && !birth->evidence.sure && freed_nearer(activation, birth, item) &&
         freed_meanwhile(activation, birth, now)))
        return;
    if (item && exchanged(activation, birth, item)) {
        pair_take_back(birth);
        find_holder(activation, birth, false);
        pair_first(activation, birth);
        return;
    }
    if (item && item->array && proven(activation, birth, item, now))
        return;
    if (item && !item->array && birth->evidence.sure &&
        activation->rule->kind != RULE_INCREMENTAL) {
        /* Where this table keeps its array there was none before. */
        pair_take_back(birth);
        arrays_keep_place(birth->array, item->slot,
                          pair_table_of(activation->rule, item->slot, item->table));
        pair_first(activation, birth);
        return;
    }
    struct open_resize *resize = birth->resize ? open_resizes_at(birth->resize) : NULL;
    bool known_place = is_held(birth),
         gone = resize && (resize->record.flags & TRACE_RESIZE_RELEASED);
    if (gone && (!known_place || pair_find_freed(activation, resize->old_serial))) {
        find_holder(activation, birth, false);
        pair_settle(activation, birth, resize->record.confidence, now);
        return;
    }
    if (freed_meanwhile(activation, birth, now))
        return;
    if (gone) {
        /* It stood elsewhere; where the new one stands there was no array that we know. */
        pair_take_back(birth);
        find_holder(activation, birth, false);
        pair_first(activation, birth);
        return;
    }
    bool placed = find_holder(activation, birth, activation->looks == 0 || last);
    if (resize && resize->old && suppose_in_use(birth, resize->old)) {
        const struct trace_array *new = &arrays_at(birth->array)->record;

        /* Both are held: an incremental resize without known places, or another table's array. */
        if (placed && activation->rule->kind == RULE_INCREMENTAL && !activation->rule->old.known &&
            is_one_table(new, &arrays_at(resize->old)->record)) {
            pair_settle(activation, birth, resize->record.confidence, now);
        } else if (placed || last) {
            uintptr_t holder = new->holder, table = new->table;

            pair_take_back(birth);
            arrays_keep_place(birth->array, holder, table);
            pair_first(activation, birth);
        }
        return;
    }
    if (resize && (placed || last))
        pair_settle(activation, birth, resize->record.confidence, now);
    else if (!resize && (placed || last))
        pair_first(activation, birth);
}

bool settle_activation(struct activation *activation, uint64_t now, bool last)
{
    bool all = true;

    /* Scratch blocks first: what they were supposed to replace belongs to another birth. */
    for (unsigned i = 0; i < activation->birth_count; i++)
        if (!activation->births[i].settled && activation->births[i].scratch)
            settle(activation, &activation->births[i], now, last);
    /* Then what has replaced something, and so knows which table it is: first arrays ask it. */
    for (unsigned i = 0; i < activation->birth_count; i++)
        if (!activation->births[i].settled && activation->births[i].resize)
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
