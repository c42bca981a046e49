#include "trace/writer.h"

#include <string.h>

#define BUCKETS (sizeof(((struct trace_writer *)0)->stack_buckets) / sizeof(uint32_t))

static bool has_room(const struct trace_writer *writer, const struct trace_region *region,
                     uint64_t entries)
{
    return entries <= region->capacity && writer->room(writer->context, region, entries);
}

void *trace_entry(const struct trace_writer *writer, const struct trace_region *region,
                  uint64_t index)
{
    return (char *)writer->header + region->offset + index * region->entry_bytes;
}

/* --- stacks -------------------------------------------------------------------- */

/* The shortest stacks that are worth their while have three frames. */
static uint32_t links_for(uint32_t capacity)
{
    return capacity / 4;
}

size_t trace_stacks_bytes(uint32_t capacity)
{
    return links_for(capacity) * sizeof(struct trace_stack_link);
}

void trace_stacks_start(struct trace_writer *writer, void *memory, uint32_t capacity)
{
    writer->header->stack_words_used = 1; /* id 0 means no stack */
    memset(writer->stack_buckets, 0, sizeof writer->stack_buckets);
    writer->stack_links = memory;
    writer->stack_links_room = links_for(capacity);
    writer->stack_links_used = 1;
}

uint32_t trace_write_stack(struct trace_writer *writer, const uint64_t *frames, uint32_t count)
{
    struct trace_header *header = writer->header;
    struct trace_stack_link *links = writer->stack_links;
    uint64_t *words = trace_entry(writer, &header->stacks, 0);
    uint64_t hash = 0x9e3779b97f4a7c15u ^ count;

    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ frames[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 29;
    }
    uint64_t first = (hash & ~(uint64_t)0xffff) | count;
    uint32_t *bucket = &writer->stack_buckets[hash >> 20 & (BUCKETS - 1)];
    for (uint32_t link = *bucket; link; link = links[link].next) {
        uint32_t id = links[link].id;

        if (words[id] == first && memcmp(words + id + 1, frames, count * sizeof *frames) == 0)
            return id;
    }
    uint32_t id = header->stack_words_used;
    if (writer->stack_links_used == writer->stack_links_room ||
        !has_room(writer, &header->stacks, (uint64_t)id + 1 + count)) {
        header->lost_stacks++;
        return 0;
    }
    words[id] = first;
    memcpy(words + id + 1, frames, count * sizeof *frames);
    __atomic_store_n(&header->stack_words_used, id + 1 + count, __ATOMIC_RELEASE);
    links[writer->stack_links_used] = (struct trace_stack_link){id, *bucket};
    *bucket = writer->stack_links_used++;
    return id;
}

/* --- live entries --------------------------------------------------------------- */

/* The sequence is odd while the rest is in flux, so that a reader or a kill in the middle is
 * noticed. */
static void write_entry(void *to, const void *from, size_t bytes)
{
    uint32_t *sequence = to;
    uint32_t before = *sequence;

    __atomic_store_n(sequence, before | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy((char *)to + sizeof *sequence, (const char *)from + sizeof *sequence,
           bytes - sizeof *sequence);
    __atomic_store_n(sequence, (before | 1) + 1, __ATOMIC_RELEASE);
}

/* Of a slot that is free nothing else is read. */
#define FREE_BYTES 8
_Static_assert(offsetof(struct trace_array, state) < FREE_BYTES &&
                   offsetof(struct trace_resize, state) < FREE_BYTES,
               "the state stands at the beginning");

static void write_live(struct trace_writer *writer, const struct trace_region *region,
                       uint32_t index, const void *from, size_t bytes)
{
    if (has_room(writer, region, (uint64_t)index + 1))
        write_entry(trace_entry(writer, region, index), from, bytes);
    else
        writer->header->lost_arrays++;
}

void trace_write_array(struct trace_writer *writer, uint32_t index, const struct trace_array *array)
{
    write_live(writer, &writer->header->arrays, index, array,
               array->state == TRACE_SLOT_FREE ? FREE_BYTES : sizeof *array);
}

void trace_write_resize(struct trace_writer *writer, uint32_t index,
                        const struct trace_resize *resize)
{
    write_live(writer, &writer->header->resizes, index, resize,
               resize->state == TRACE_SLOT_FREE ? FREE_BYTES : sizeof *resize);
}

/* --- history --------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t ns)
{
    unsigned bucket = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

    return bucket < TRACE_HISTOGRAM_BUCKETS ? bucket : TRACE_HISTOGRAM_BUCKETS - 1;
}

static uint64_t overstay_of(const struct trace_resize *resize)
{
    uint64_t overstay = 0;

    if (resize->resize_end_ns && resize->released_ns > resize->resize_end_ns)
        overstay = resize->released_ns - resize->resize_end_ns;
    else if (!resize->resize_end_ns)
        overstay = resize->released_ns - resize->replaced_ns;
    return resize->longest_stall_ns > overstay ? resize->longest_stall_ns : overstay;
}

void trace_write_finished(struct trace_writer *writer, const struct trace_resize *resize)
{
    struct trace_header *header = writer->header;
    struct trace_rule *rule = trace_entry(writer, &header->rules, resize->rule);
    uint64_t overstay = overstay_of(resize);

    rule->overstays[bucket_of(overstay)]++;
    bool notable = overstay >= header->notable_ns;
    struct trace_region *ring = notable ? &header->notable : &header->recent;
    uint64_t *written = notable ? &header->notable_written : &header->recent_written;
    uint64_t number = *written;

    /* A ring that cannot grow any more is full: it turns here, and its slots stay what they are. */
    if (number < ring->capacity && !has_room(writer, ring, number + 1))
        ring->capacity = (uint32_t)number;
    struct trace_resize *slot = trace_entry(writer, ring, number % ring->capacity);
    size_t before = offsetof(struct trace_resize, number), behind = before + sizeof resize->number;

    __atomic_store_n(&slot->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(slot, resize, before);
    memcpy((char *)slot + behind, (const char *)resize + behind, sizeof *resize - behind);
    __atomic_store_n(&slot->number, number + 1, __ATOMIC_RELEASE);
    __atomic_store_n(written, number + 1, __ATOMIC_RELEASE);
}

void trace_write_message(struct trace_writer *writer, const char *line, size_t bytes)
{
    struct trace_header *header = writer->header;
    uint64_t used = header->message_bytes + (uint64_t)bytes;

    if (!has_room(writer, &header->messages, used))
        return;
    memcpy(trace_entry(writer, &header->messages, header->message_bytes), line, bytes);
    __atomic_store_n(&header->message_bytes, (uint32_t)used, __ATOMIC_RELEASE);
}
