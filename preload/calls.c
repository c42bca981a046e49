#include "calls.h"

#include "pages.h"

static struct arena memory;

/* Twice as many, with what was there; NULL: no memory. */
static void *widen(const void *old, size_t count, size_t *room, size_t each)
{
    size_t wanted = *room ? 2 * *room : 8;
    char *wider;

    if (!memory.take.take)
        arena_init(&memory);
    wider = arena_take(&memory, wanted * each);
    for (size_t i = 0; wider && i < count * each; i++)
        wider[i] = ((const char *)old)[i];
    if (wider)
        *room = wanted;
    return wider;
}

void calls_begin(struct calls *calls, uintptr_t low, uintptr_t high, uint64_t hash)
{
    calls->last = NULL;
    if (calls->count == calls->room) {
        struct code_calls *wider = widen(calls->all, calls->count, &calls->room, sizeof *wider);

        if (!wider)
            return;
        calls->all = wider;
    }
    calls->last = &calls->all[calls->count++];
    *calls->last = (struct code_calls){.low = low, .high = high, .hash = hash};
}

/* Not all is known of the last one: it must fit nothing. */
static void spoil(struct calls *calls)
{
    calls->last->hash = ~calls->last->hash;
    calls->last = NULL;
}

void calls_add(struct calls *calls, uintptr_t place)
{
    struct code_calls *last = calls->last;

    if (!last)
        return;
    if (last->count == last->room) {
        uintptr_t *wider = widen(last->places, last->count, &last->room, sizeof *wider);

        if (!wider) {
            spoil(calls);
            return;
        }
        last->places = wider;
    }
    last->places[last->count++] = place;
}

void calls_add_entry(struct calls *calls, uintptr_t place, uint32_t bytes)
{
    calls_add(calls, place);
    if (calls->last)
        calls->last->entry_bytes = bytes;
}

void calls_add_operand(struct calls *calls, uint32_t offset)
{
    struct code_calls *last = calls->last;

    if (last && last->operand_count < CALLS_OPERANDS)
        last->operands[last->operand_count++] = offset;
    else if (last)
        spoil(calls);
}

struct code_calls *calls_find(const struct calls *calls, uintptr_t low, uintptr_t high)
{
    size_t from = 0, to = calls->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        struct code_calls *one = &calls->all[middle];

        if (one->low == low && one->high == high)
            return one;
        if (one->low < low || (one->low == low && one->high < high))
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}
