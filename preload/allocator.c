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

#define ALLOCATE(call, bytes, kind)                                                                \
    do {                                                                                           \
        if (watch_nested())                                                                        \
            return call;                                                                           \
        void *memory_ = FORWARD(void *, call);                                                     \
        if (watch_is_plain())                                                                      \
            return memory_;                                                                        \
        struct call_site site_ = CALL_SITE_HERE;                                                   \
        watch_allocated(memory_, bytes, kind, &site_);                                             \
        return memory_;                                                                            \
    } while (0)

MAPTRACE_EXPORT void *malloc(size_t bytes)
{
    ALLOCATE(next.malloc(bytes), bytes, CALL_MALLOC);
}

MAPTRACE_EXPORT void *calloc(size_t count, size_t bytes)
{
    ALLOCATE(next.calloc(count, bytes), count * bytes, CALL_CALLOC);
}

MAPTRACE_EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    ALLOCATE(next.aligned_alloc(alignment, bytes), bytes, CALL_ALIGNED);
}

MAPTRACE_EXPORT void *memalign(size_t alignment, size_t bytes)
{
    ALLOCATE(next.memalign(alignment, bytes), bytes, CALL_ALIGNED);
}

MAPTRACE_EXPORT void *valloc(size_t bytes)
{
    ALLOCATE(next.valloc(bytes), bytes, CALL_ALIGNED);
}

MAPTRACE_EXPORT void *pvalloc(size_t bytes)
{
    ALLOCATE(next.pvalloc(bytes), bytes, CALL_ALIGNED);
}

MAPTRACE_EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    if (watch_nested())
        return next.posix_memalign(memory, alignment, bytes);
    int error = FORWARD(int, next.posix_memalign(memory, alignment, bytes));
    struct call_site site = CALL_SITE_HERE;
    if (!error && !watch_is_plain())
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

MAPTRACE_EXPORT void *realloc(void *memory, size_t bytes)
{
    struct watch_move move;

    if (__builtin_expect(next_in_pool(memory), 0))
        return leave_pool(memory, bytes);
    if (watch_nested())
        return next.realloc(memory, bytes);
    if (watch_is_plain() && !(memory && arrays_maybe(memory)))
        return FORWARD(void *, next.realloc(memory, bytes));
    struct call_site site = CALL_SITE_HERE;
    if (memory && !bytes) {
        if (watch_may_be_array(memory))
            watch_released(memory, next.bytes_to_free(memory), &site);
        return FORWARD(void *, next.realloc(memory, bytes));
    }
    watch_move_begin(&move, memory, &site);
    void *moved = FORWARD(void *, next.realloc(memory, bytes));
    watch_move_end(&move, memory, moved, bytes, memory ? CALL_REALLOC : CALL_MALLOC, &site);
    return moved;
}

/* Releases are seen on every level: what is filed as an array is filed once. */
static inline __attribute__((always_inline)) void released(void *memory, struct call_site site)
{
    if (__builtin_expect(watch_may_be_array(memory), 0))
        watch_released(memory, next.bytes_to_free(memory), &site);
}

MAPTRACE_EXPORT void free(void *memory)
{
    if (!memory || __builtin_expect(next_in_pool(memory), 0))
        return;
    released(memory, CALL_SITE_HERE);
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
