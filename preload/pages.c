#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include "raw.h"
#include "sandbox.h"

#define ARENA_BLOCK ((size_t)64 << 10)

struct arena_block {
    struct arena_block *next;
    size_t bytes;
};

void *pages_map(size_t bytes)
{
    if (!sandbox_may_call())
        return NULL;
    long address = raw_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return raw_failed(address) ? NULL : (void *)address;
}

void pages_unmap(void *memory, size_t bytes)
{
    if (memory)
        raw_munmap(memory, bytes);
}

/* A few large ones, and an activation for each grow that was ever under way at one time. */
#define BOOKS_MOST 64

static struct {
    uintptr_t low, high;
} books[BOOKS_MOST];
static unsigned book_count;

void pages_are_books(const void *memory, size_t bytes)
{
    uintptr_t low = (uintptr_t)memory, high = low + bytes;

    /* The kernel maps downwards. */
    if (book_count && books[book_count - 1].low == high) {
        books[book_count - 1].low = low;
    } else if (book_count < BOOKS_MOST) {
        books[book_count].low = low;
        books[book_count++].high = high;
    }
}

bool pages_in_books(uintptr_t address)
{
    for (unsigned i = 0; i < book_count; i++)
        if (address >= books[i].low && address < books[i].high)
            return true;
    return false;
}

static void *take(struct rule_arena *arena, size_t bytes)
{
    return arena_take((struct arena *)arena, bytes);
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){.take = {take}};
}

void *arena_take(struct arena *arena, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > (size_t)(arena->limit - arena->next)) {
        size_t header = 16, size = bytes + header > ARENA_BLOCK ? bytes + header : ARENA_BLOCK;
        struct arena_block *block = pages_map(size);

        _Static_assert(sizeof(struct arena_block) <= 16, "block header");
        if (!block)
            return NULL;
        block->next = arena->blocks;
        block->bytes = size;
        arena->blocks = block;
        arena->next = (char *)block + header;
        arena->limit = (char *)block + size;
    }
    void *memory = arena->next;
    arena->next += bytes;
    return memory;
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        pages_unmap(block, block->bytes);
    }
    arena_init(arena);
}
