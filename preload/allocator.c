/*
 * malloc and its family. Each entry point forwards to the next allocator and
 * tells watch.c; whatever the next allocator calls in turn is its own affair.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "next.h"
#include "watch.h"

/* Forwards CALL as the outermost entry point on this thread. */
#define FORWARD(type, call)                                                                        \
    ({                                                                                             \
        thread_self.nested++;                                                                      \
        type result_ = (call);                                                                     \
        thread_self.nested--;                                                                      \
        result_;                                                                                   \
    })

#define BARE(...) __VA_ARGS__

/*
 * NAME(...), of the type of malloc. What is more than a jump stands in a function of its own, so
 * that the usual call need not save registers for it.
 */
#define ALLOCATOR(name, arguments, bytes_, kind, ...)                                              \
    static __attribute__((noinline)) void *watched_##name(uintptr_t pc, uintptr_t sp,              \
                                                          uintptr_t rbp, __VA_ARGS__)              \
    {                                                                                              \
        if (watch_nested())                                                                        \
            return next.name arguments;                                                            \
        void *memory = FORWARD(void *, next.name arguments);                                       \
        watch_allocated(memory, bytes_, kind, &(struct call_site){pc, sp, rbp});                   \
        return memory;                                                                             \
    }                                                                                              \
    MAPTRACE_EXPORT void *name(__VA_ARGS__)                                                        \
    {                                                                                              \
        if (watch_is_plain(bytes_))                                                                \
            return next.name arguments;                                                            \
        return watched_##name(FRAME_CALLER_PC, FRAME_CALLER_SP, FRAME_CALLER_RBP, BARE arguments); \
    }

ALLOCATOR(malloc, (bytes), bytes, CALL_MALLOC, size_t bytes)
ALLOCATOR(calloc, (count, bytes), count *bytes, CALL_CALLOC, size_t count, size_t bytes)
ALLOCATOR(aligned_alloc, (alignment, bytes), bytes, CALL_ALIGNED, size_t alignment, size_t bytes)
ALLOCATOR(memalign, (alignment, bytes), bytes, CALL_ALIGNED, size_t alignment, size_t bytes)
ALLOCATOR(valloc, (bytes), bytes, CALL_ALIGNED, size_t bytes)
ALLOCATOR(pvalloc, (bytes), bytes, CALL_ALIGNED, size_t bytes)

MAPTRACE_EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    if (watch_is_plain(bytes) || watch_nested())
        return next.posix_memalign(memory, alignment, bytes);
    int error = FORWARD(int, next.posix_memalign(memory, alignment, bytes));
    struct call_site site = CALL_SITE_HERE;
    if (!error)
        watch_allocated(*memory, bytes, CALL_ALIGNED, &site);
    return error;
}

/* What dlsym was given before the real allocator was known moves out of the pool. */
static void *leave_pool(void *memory, size_t bytes)
{
    void *fresh = next.malloc(bytes);
    size_t had = next_pool_bytes(memory);

    if (fresh)
        memcpy(fresh, memory, bytes < had ? bytes : had);
    return fresh;
}

static __attribute__((noinline)) void *watched_realloc(const struct call_site *site, void *memory,
                                                       size_t bytes)
{
    struct watch_move move;

    if (__builtin_expect(next_in_pool(memory), 0))
        return leave_pool(memory, bytes);
    if (watch_nested())
        return next.realloc(memory, bytes);
    if (memory && !bytes) {
        if (watch_may_be_array(memory))
            watch_released(memory, next.bytes_to_free(memory), site);
        return FORWARD(void *, next.realloc(memory, bytes));
    }
    watch_move_begin(&move, memory, site);
    void *moved = FORWARD(void *, next.realloc(memory, bytes));
    watch_move_end(&move, memory, moved, bytes, memory ? CALL_REALLOC : CALL_MALLOC, site);
    return moved;
}

MAPTRACE_EXPORT void *realloc(void *memory, size_t bytes)
{
    if (watch_is_plain(bytes) && !arrays_maybe(memory) && !next_in_pool(memory))
        return next.realloc(memory, bytes);
    return watched_realloc(&CALL_SITE_HERE, memory, bytes);
}

/* Releases are seen on every level: what is filed as an array is filed once. */
static inline __attribute__((always_inline)) void released(void *memory, struct call_site site)
{
    if (__builtin_expect(watch_may_be_array(memory), 0))
        watch_released(memory, next.bytes_to_free(memory), &site);
}

static __attribute__((noinline)) void watched_free(void *memory, uintptr_t pc, uintptr_t sp,
                                                   uintptr_t rbp)
{
    if (!memory || next_in_pool(memory))
        return;
    released(memory, (struct call_site){pc, sp, rbp});
    next.free(memory);
}

MAPTRACE_EXPORT void free(void *memory)
{
    if (watch_may_be_array(memory) || next_in_pool(memory))
        watched_free(memory, FRAME_CALLER_PC, FRAME_CALLER_SP, FRAME_CALLER_RBP);
    else
        next.free(memory);
}

/* C23, newer than this libc. */
MAPTRACE_EXPORT void free_sized(void *memory, size_t bytes);
MAPTRACE_EXPORT void free_aligned_sized(void *memory, size_t alignment, size_t bytes);

MAPTRACE_EXPORT void free_sized(void *memory, size_t bytes)
{
    if (!memory || next_in_pool(memory))
        return;
    released(memory, CALL_SITE_HERE);
    if (next.free_sized)
        next.free_sized(memory, bytes);
    else
        next.free(memory);
}

MAPTRACE_EXPORT void free_aligned_sized(void *memory, size_t alignment, size_t bytes)
{
    if (!memory || next_in_pool(memory))
        return;
    released(memory, CALL_SITE_HERE);
    if (next.free_aligned_sized)
        next.free_aligned_sized(memory, alignment, bytes);
    else
        next.free(memory);
}

MAPTRACE_EXPORT size_t malloc_usable_size(void *memory)
{
    return next_in_pool(memory) ? next_pool_bytes(memory) : next.malloc_usable_size(memory);
}
