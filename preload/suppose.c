#include "suppose.h"

#include "open_resizes.h"
#include "pair.h"
#include "safe_read.h"

/* OLD, born in an earlier grow that nothing was learned of, is an array of a table at least. */
static void settle_replaced(struct activation *earlier, array_index old)
{
    for (; earlier; earlier = earlier->next)
        for (unsigned i = 0; earlier->over && i < earlier->birth_count; i++) {
            struct birth *birth = &earlier->births[i];

            if (birth->array == old && !birth->settled && !birth->resize && !birth->announced &&
                pair_alive(old, birth->serial))
                pair_first(earlier, birth);
        }
}

void suppose_old(struct activation *activation, struct birth *birth)
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
    if (!best)
        return;
    settle_replaced(activation->next, best->array);
    if (!pair_suppose(activation, birth, best->array))
        return;
    struct trace_resize *record = &open_resizes_at(birth->resize)->record;
    record->alternatives = others;
    if (others)
        record->confidence = TRACE_AMBIGUOUS;
    if (best->slot) {
        record->holder = best->slot;
        record->table = pair_table_of(activation->rule, best->slot, best->table);
    }
    open_resizes_publish(birth->resize);
}

bool suppose_points_to(uintptr_t slot, const struct trace_array *array)
{
    uintptr_t word;

    return slot && safe_read(slot, &word, sizeof word) &&
           word - array->address < pair_bytes(array->bytes);
}

bool suppose_in_use(const struct birth *birth, array_index old)
{
    const struct array *array = arrays_at(old);

    if (suppose_points_to(array->record.holder, &array->record))
        return true;
    for (unsigned i = 0; i < birth->evidence.count; i++) {
        const struct evidence_item *item = &birth->evidence.items[i];

        if (item->array == old && item->table &&
            !evidence_in_dead_frame(&birth->evidence, item->slot) &&
            suppose_points_to(item->slot, &array->record))
            return true;
    }
    return false;
}

static unsigned flips_of(struct birth *birth, const struct evidence_item *flips[EVIDENCE_MOST])
{
    evidence_look(&birth->evidence, false);
    return evidence_flips(&birth->evidence, birth->address, pair_bytes(birth->bytes), flips);
}

static bool shows_flip(struct birth *birth)
{
    const struct evidence_item *flips[EVIDENCE_MOST];

    return flips_of(birth, flips) > 0;
}

bool suppose_flipped(struct birth *birth, uint64_t serial)
{
    const struct evidence_item *flips[EVIDENCE_MOST];
    unsigned count = birth->announced ? 0 : flips_of(birth, flips);

    for (unsigned i = 0; i < count; i++)
        if (flips[i]->array && flips[i]->serial == serial)
            return true;
    return false;
}

void suppose_doubt(array_index old)
{
    struct open_resize *resize = open_resizes_at(arrays_at(old)->resize);
    struct birth *birth = resize->owner;
    uintptr_t holder, table;

    if (!resize->unsettled || !birth || birth->announced || shows_flip(birth))
        return;
    if (!pair_alive(birth->array, birth->serial) ||
        (evidence_holder(&birth->evidence, birth->address, pair_bytes(birth->bytes), false,
                         birth->grow_pc, &holder, &table) &&
         suppose_in_use(birth, old)))
        pair_take_back(birth);
}
