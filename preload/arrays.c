#include "arrays.h"

#include <errno.h>
#include <string.h>

#include "pages.h"
#include "recorder.h"

/*
 * Containment: an array of up to 2^k bytes touches at most two aligned blocks
 * of 2^k bytes. It is filed under both; a lookup tries each size class in use.
 */
#define SMALLEST_CLASS 6
#define CLASSES 48
#define DWELLING_BITS 10

uint8_t arrays_filter[1u << ARRAYS_FILTER_BITS];

static struct array *arrays;
static uint32_t room, end = 1, free_list;
static uint32_t *exact_heads, *span_heads;
static uint32_t head_mask;
static uint32_t class_counts[CLASSES];
static uint64_t classes_used; /* bit k: class k has members */
static uintptr_t lowest = UINTPTR_MAX, highest;
static uint64_t last_serial;
static uint32_t dwellings[1u << DWELLING_BITS]; /* the last array that was seen to be held there */

int arrays_start(uint32_t entries)
{
    uint32_t heads = 1024;

    while (heads < entries)
        heads *= 2;
    arrays = pages_map(entries * sizeof *arrays);
    exact_heads = pages_map(heads * sizeof *exact_heads);
    span_heads = pages_map(heads * sizeof *span_heads);
    if (!arrays || !exact_heads || !span_heads)
        return -ENOMEM;
    pages_are_books(arrays, entries * sizeof *arrays);
    room = entries;
    head_mask = heads - 1;
    return 0;
}

static uint32_t *exact_head(uintptr_t address)
{
    return &exact_heads[(address >> 4) * 0x9e3779b97f4a7c15u >> 40 & head_mask];
}

static uint32_t *span_head(unsigned class, uintptr_t block)
{
    return &span_heads[(block * 64 + class) * 0x9e3779b97f4a7c15u >> 40 & head_mask];
}

static unsigned class_of(uint64_t bytes)
{
    unsigned class = SMALLEST_CLASS;

    if (bytes > 1u << SMALLEST_CLASS)
        class = 64 - (unsigned)__builtin_clzll(bytes - 1);
    return class < CLASSES ? class : CLASSES - 1;
}

static uintptr_t last_byte(const struct array *array)
{
    return array->record.address + (array->record.bytes ? array->record.bytes - 1 : 0);
}

/* A filter entry that has reached its ceiling stays: it only costs a lookup. */
static void filter_count(uintptr_t address, int change)
{
    uint8_t *count = &arrays_filter[arrays_filter_slot(address)];

    if (*count < UINT8_MAX)
        __atomic_store_n(count, (uint8_t)(*count + change), __ATOMIC_RELEASE);
}

/* Links through next_span say which of the two links of the next array goes on: index * 2 + which.
 */
static void file_span(array_index index, unsigned which, uintptr_t block)
{
    struct array *array = &arrays[index];
    uint32_t *head = span_head(array->span_class, block);

    array->next_span[which] = *head;
    *head = index * 2 + which;
}

static void unfile_span(array_index index, unsigned which, uintptr_t block)
{
    uint32_t wanted = index * 2 + which;
    uint32_t *link = span_head(arrays[index].span_class, block);

    while (*link && *link != wanted)
        link = &arrays[*link / 2].next_span[*link % 2];
    if (*link)
        *link = arrays[index].next_span[which];
}

array_index arrays_add(uintptr_t address, uint64_t bytes)
{
    array_index index = free_list;

    if (index)
        free_list = arrays[index].next_exact;
    else if (end < room && recorder_array_fits(end))
        index = end++;
    else
        return 0;

    struct array *array = &arrays[index];
    memset(array, 0, sizeof *array);
    array->record.state = TRACE_SLOT_USED;
    array->record.address = address;
    array->record.bytes = bytes;
    array->serial = ++last_serial;
    array->span_class = (uint8_t)class_of(bytes);

    uint32_t *head = exact_head(address);
    array->next_exact = *head;
    *head = index;
    uintptr_t first = address >> array->span_class;
    uintptr_t second = last_byte(array) >> array->span_class;
    file_span(index, 0, first);
    if (second != first)
        file_span(index, 1, second);
    if (class_counts[array->span_class]++ == 0)
        classes_used |= (uint64_t)1 << array->span_class;
    if (address < lowest)
        lowest = address;
    if (last_byte(array) > highest)
        highest = last_byte(array);
    filter_count(address, 1);
    return index;
}

void arrays_remove(array_index index)
{
    struct array *array = &arrays[index];
    uintptr_t first = array->record.address >> array->span_class;
    uintptr_t second = last_byte(array) >> array->span_class;
    uint32_t *link = exact_head(array->record.address);

    while (*link && *link != index)
        link = &arrays[*link].next_exact;
    if (*link)
        *link = array->next_exact;
    unfile_span(index, 0, first);
    if (second != first)
        unfile_span(index, 1, second);
    if (--class_counts[array->span_class] == 0)
        classes_used &= ~((uint64_t)1 << array->span_class);
    filter_count(array->record.address, -1);
    array->record.state = TRACE_SLOT_FREE;
    array->serial = 0;
    arrays_publish(index);
    array->next_exact = free_list;
    free_list = index;
}

struct array *arrays_at(array_index index)
{
    return &arrays[index];
}

void arrays_publish(array_index index)
{
    recorder_array(index, &arrays[index].record);
}

static uint32_t *dwelling(uintptr_t holder)
{
    return &dwellings[(holder >> 3) * 0x9e3779b97f4a7c15u >> (64 - DWELLING_BITS)];
}

void arrays_keep_place(array_index index, uintptr_t holder, uintptr_t table)
{
    arrays[index].record.holder = holder;
    arrays[index].record.table = table;
    if (holder)
        *dwelling(holder) = index;
}

bool arrays_dwell_at(uintptr_t holder)
{
    const struct trace_array *known = &arrays[*dwelling(holder)].record;

    return known->state == TRACE_SLOT_USED && known->holder == holder;
}

array_index arrays_exact(uintptr_t address)
{
    array_index index = *exact_head(address);

    while (index && arrays[index].record.address != address)
        index = arrays[index].next_exact;
    return index;
}

array_index arrays_around(uintptr_t address)
{
    if (address < lowest || address > highest)
        return 0;
    for (uint64_t classes = classes_used; classes; classes &= classes - 1) {
        unsigned class = (unsigned)__builtin_ctzll(classes);

        for (uint32_t link = *span_head(class, address >> class); link;
             link = arrays[link / 2].next_span[link % 2]) {
            const struct array *array = &arrays[link / 2];

            if (address >= array->record.address && address <= last_byte(array))
                return link / 2;
        }
    }
    return 0;
}

array_index arrays_end(void)
{
    return end;
}
