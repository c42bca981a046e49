/*
 * Memory of the tracer's own, straight from the kernel: nothing here passes
 * through the allocator that is being watched.
 */
#ifndef MAPTRACE_PRELOAD_PAGES_H
#define MAPTRACE_PRELOAD_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../rules/rule.h"

/* Zeroed private pages, or NULL. Untouched pages cost address space only. */
void *pages_map(size_t bytes);
void pages_unmap(void *memory, size_t bytes);

/*
 * The tracer's books, full of addresses of arrays, for the life of the process:
 * what leads there leads to no table. Caller holds the tracer's lock or is alone.
 */
void pages_are_books(const void *memory, size_t bytes);
bool pages_in_books(uintptr_t address);

/* A growing bump arena. Not thread-safe: its owner holds the tracer's lock. */
struct arena {
    struct rule_arena take; /* first, so that an arena serves the rule parser */
    struct arena_block *blocks;
    char *next, *limit;
};

void arena_init(struct arena *arena);
/* Zeroed, 16-byte aligned; NULL when the kernel gives no more. */
void *arena_take(struct arena *arena, size_t bytes);
void arena_release(struct arena *arena);

#endif
