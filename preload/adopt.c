#include "adopt.h"

#include "globals.h"
#include "open_resizes.h"
#include "pair.h"
#include "safe_read.h"

/* Words of a released block that are read for a pointer into its table. */
#define BLOCK_WORDS 512
/* Looks through global data; given up after so many failures. */
#define SEARCHES_MOST 64

static bool adopt(struct activation *activation, struct birth *birth, const struct loose *loose,
                  uintptr_t slot, uintptr_t table, uint8_t confidence, uint64_t now)
{
    struct trace_array *new = &arrays_at(birth->array)->record;
    struct trace_array old = {.address = loose->address,
                              .bytes = loose->bytes,
                              .born_ns = birth->born_ns,
                              .rule = (uint16_t)activation->rule->index};

    pair_take_back(birth);
    arrays_keep_place(birth->array, slot, pair_table_of(activation->rule, slot, table));
    if (!table)
        new->flags |= TRACE_ARRAY_GLOBAL;
    old.holder = new->holder;
    old.table = new->table;
    old.table_id = pair_table_id(activation, birth);
    birth->resize = open_resizes_open_released(activation->rule, &old, 0, loose->released_ns,
                                               birth->array, birth->born_ns);
    if (!birth->resize)
        return false;
    pair_learn(birth, &old);
    pair_settle(activation, birth, confidence, now);
    return true;
}

/* A place that leads to the new array led to a block that is gone now. */
static bool led_there(struct activation *activation, struct birth *birth,
                      const struct evidence_place *place, uint64_t now)
{
    for (unsigned i = 0; i < activation->loose_count && i < LOOSE_MOST; i++) {
        const struct loose *loose = &activation->loose[i];

        if (place->before - loose->address < pair_bytes(loose->bytes))
            return adopt(activation, birth, loose, place->slot, place->table, TRACE_EXACT, now);
    }
    return false;
}

/*
 * A global table that is grown by code of its own: nothing leads there but the
 * code, so what stood there before is not known. But buckets lead back to the
 * table: the one of its first entry, to the table itself.
 */
static bool led_back(struct activation *activation, struct birth *birth, uint64_t now)
{
    static uint64_t words[BLOCK_WORDS];
    static unsigned failed;
    const struct loose *loose = &activation->loose[0];
    size_t bytes = loose->bytes < sizeof words ? loose->bytes : sizeof words;
    uintptr_t holder;

    if (!birth->evidence.hooked || activation->loose_count != 1 || activation->freed_count ||
        failed == SEARCHES_MOST || !safe_read(loose->address, words, bytes))
        return false;
    if (globals_find(birth->grow_pc, birth->address, pair_bytes(birth->bytes), &holder))
        for (size_t i = 0; i < bytes / 8; i++)
            if (words[i] - holder < TABLE_WORDS * 8)
                return adopt(activation, birth, loose, holder, 0, TRACE_INFERRED, now);
    failed++;
    return false;
}

bool adopt_released(struct activation *activation, struct birth *birth, uint64_t now)
{
    struct evidence_place places[EVIDENCE_MOST];

    if (!activation->loose_count)
        return false;
    unsigned count =
        evidence_places(&birth->evidence, birth->address, pair_bytes(birth->bytes), places);
    for (unsigned i = 0; i < count; i++)
        if (led_there(activation, birth, &places[i], now))
            return true;
    return count == 0 && led_back(activation, birth, now);
}
