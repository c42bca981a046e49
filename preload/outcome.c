#include "evidence.h"

#include <limits.h>
#include <string.h>

#include "globals.h"
#include "safe_read.h"

/* Scratch, under the tracer's lock: a program's stack may be small. */
static uintptr_t addresses[CANDIDATES_MOST];
static uint64_t windows[CANDIDATES_MOST * TABLE_WORDS];
static bool readable[CANDIDATES_MOST];

void evidence_read(const struct evidence *evidence, uint64_t *to, bool *read)
{
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        addresses[i] = evidence->candidates[i].table;
    memset(read, 0, evidence->candidate_count * sizeof *read);
    safe_read_windows(addresses, evidence->candidate_count, TABLE_WORDS, to, read);
}

void evidence_look(struct evidence *evidence, bool returning)
{
    static uint64_t words[EVIDENCE_MOST];
    static uintptr_t slots[EVIDENCE_MOST];

    for (unsigned i = 0; i < evidence->count; i++) {
        const struct evidence_item *item = &evidence->items[i];

        slots[i] = item->slot;
        readable[i] = item->used && returning && safe_read_used(item->slot, &words[i]);
    }
    safe_read_windows(slots, evidence->count, 1, words, readable);
    for (unsigned i = 0; i < evidence->count; i++)
        evidence->items[i].now = readable[i] ? words[i] : 0;
}

unsigned evidence_flips(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                        const struct evidence_item *flips[EVIDENCE_MOST])
{
    unsigned count = 0;

    for (unsigned i = 0; i < evidence->count; i++) {
        const struct evidence_item *item = &evidence->items[i];

        if (!item->slot || item->now - low >= bytes)
            continue;
        unsigned at = count++;
        for (; at > 0 && flips[at - 1]->rank > item->rank; at--)
            flips[at] = flips[at - 1];
        flips[at] = item;
    }
    return count;
}

/* Blocks that point into themselves are common, and at an address that was a table before. */
static void add_place(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                      struct evidence_place *places, unsigned *count, struct evidence_place place)
{
    if (*count == EVIDENCE_MOST || place.slot - low < bytes ||
        evidence_in_dead_frame(evidence, place.slot))
        return;
    for (unsigned i = 0; i < *count; i++)
        if (places[i].slot == place.slot)
            return;
    places[(*count)++] = place;
}

unsigned evidence_places(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                         struct evidence_place places[EVIDENCE_MOST])
{
    const struct evidence_item *flips[EVIDENCE_MOST];
    unsigned count = 0, flip_count = evidence_flips(evidence, low, bytes, flips);

    if (!evidence->sure) {
        evidence_read(evidence, windows, readable);
        for (unsigned i = 0; i < evidence->candidate_count; i++)
            for (unsigned w = 0; readable[i] && evidence->readable[i] && w < TABLE_WORDS; w++)
                if (windows[i * TABLE_WORDS + w] - low < bytes)
                    add_place(evidence, low, bytes, places, &count,
                              (struct evidence_place){evidence->candidates[i].table + 8 * w,
                                                      evidence->candidates[i].table,
                                                      evidence->words[i][w]});
    }
    for (unsigned i = 0; i < flip_count; i++)
        add_place(evidence, low, bytes, places, &count,
                  (struct evidence_place){flips[i]->slot, flips[i]->table, flips[i]->word});
    return count;
}

unsigned evidence_nearest(const struct evidence *evidence, uintptr_t low, uint64_t bytes)
{
    unsigned nearest = UINT_MAX;

    evidence_read(evidence, windows, readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        for (unsigned w = 0; readable[i] && w < TABLE_WORDS; w++)
            if (windows[i * TABLE_WORDS + w] - low < bytes && 16 + i + w < nearest &&
                !evidence_in_dead_frame(evidence, evidence->candidates[i].table + 8 * w))
                nearest = 16 + i + w;
    return nearest;
}

void evidence_contradict(const struct evidence *evidence, uint64_t serial)
{
    for (unsigned i = 0; i < evidence->count; i++)
        if (evidence->items[i].source && evidence->items[i].serial != serial)
            locators_deny(evidence->site, evidence->items[i].source,
                          (int32_t)(evidence->items[i].slot - evidence->items[i].table));
}

void evidence_learn(const struct evidence *evidence, uintptr_t low, uint64_t bytes,
                    uintptr_t old_low, uint64_t old_bytes)
{
    struct locators *known = locators_find(evidence->site);

    if (evidence->sure) {
        for (unsigned i = 0; i < evidence->count; i++) {
            const struct evidence_item *item = &evidence->items[i];
            int32_t offset = (int32_t)(item->slot - item->table);

            if (!item->source || !item->slot)
                continue;
            if (item->now - low < bytes && item->word - old_low < old_bytes)
                locators_confirm(evidence->site, item->source, offset);
            else
                locators_deny(evidence->site, item->source, offset);
        }
        return;
    }
    evidence_read(evidence, windows, readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++) {
        locator_source source = evidence->candidates[i].source;

        for (unsigned w = 0; readable[i] && evidence->readable[i] && w < TABLE_WORDS; w++) {
            bool old = evidence->words[i][w] - old_low < old_bytes;

            if (evidence_in_dead_frame(evidence, evidence->candidates[i].table + 8 * w))
                continue;
            if (old && windows[i * TABLE_WORDS + w] - low < bytes)
                locators_confirm(evidence->site, source, (int32_t)(8 * w));
            else
                for (unsigned l = known ? known->count : 0; l-- > 0;)
                    if (known->all[l].source == source && known->all[l].offset == (int32_t)(8 * w))
                        locators_deny(evidence->site, source, (int32_t)(8 * w));
        }
    }
}

bool evidence_holder(const struct evidence *evidence, uintptr_t low, uint64_t bytes, bool globals,
                     uintptr_t code, uintptr_t *holder, uintptr_t *table)
{
    evidence_read(evidence, windows, readable);
    for (unsigned i = 0; i < evidence->candidate_count; i++)
        for (unsigned w = 0; readable[i] && w < TABLE_WORDS; w++)
            if (windows[i * TABLE_WORDS + w] - low < bytes &&
                evidence->candidates[i].table + 8 * w - low >= bytes &&
                !evidence_in_dead_frame(evidence, evidence->candidates[i].table + 8 * w)) {
                *table = evidence->candidates[i].table;
                *holder = *table + 8 * w;
                return true;
            }
    *table = 0;
    return globals && globals_find(code, low, bytes, holder);
}
