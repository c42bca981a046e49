/*
 * Memory for golang/ in the library: see go_names.h. A few large blocks, which are
 * given back to the kernel, and many small ones for the life of the process. Not
 * thread-safe: its user holds the tracer's lock, or is alone.
 */
#include "go_names.h"

#include <stdint.h>

#include "pages.h"

#define LARGE ((size_t)16 << 10)
#define PIECE ((size_t)64 << 10)
#define LEAST ((size_t)32)

/* In front of each block. */
struct head {
    size_t room; /* bytes, of the head too: a power of two, or mapped by itself */
    size_t mapped;
};
_Static_assert(sizeof(struct head) == 16, "blocks are aligned like malloc's");

static char *piece;
static size_t left;

static void *take_large(size_t bytes)
{
    size_t room = (bytes + 4095) & ~(size_t)4095;
    struct head *head = room < bytes ? NULL : pages_map(room);

    if (!head)
        return NULL;
    *head = (struct head){room, room};
    return head + 1;
}

static void *take_small(size_t bytes)
{
    size_t room = LEAST;

    while (room < bytes)
        room *= 2;
    if (left < room) {
        char *more = pages_map(PIECE);
        if (!more)
            return NULL;
        piece = more;
        left = PIECE;
    }
    struct head *head = (struct head *)piece;
    *head = (struct head){.room = room};
    piece += room;
    left -= room;
    return head + 1;
}

void *go_pages_take(size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes += sizeof(struct head);
    return bytes >= LARGE ? take_large(bytes) : take_small(bytes);
}

/* Nothing is used twice: it is zero. */
void *go_pages_take_zeroed(size_t count, size_t bytes)
{
    size_t all;

    return __builtin_mul_overflow(count, bytes, &all) ? NULL : go_pages_take(all);
}

void *go_pages_retake(void *block, size_t count, size_t bytes)
{
    struct head *head = block ? (struct head *)block - 1 : NULL;
    size_t all;

    if (__builtin_mul_overflow(count, bytes, &all))
        return NULL;
    if (head && head->room - sizeof *head >= all)
        return block;
    void *larger = go_pages_take(all);
    if (larger && head) {
        memcpy(larger, block, head->room - sizeof *head);
        go_pages_give(block);
    }
    return larger;
}

void go_pages_give(void *block)
{
    struct head *head = block ? (struct head *)block - 1 : NULL;

    if (head && head->mapped)
        pages_unmap(head, head->mapped);
}

char *go_pages_copy(const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    char *copy = go_pages_take(length + 1);

    if (copy) {
        memcpy(copy, text, length);
        copy[length] = 0;
    }
    return copy;
}
