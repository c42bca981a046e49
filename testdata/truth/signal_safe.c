/*
 * An allocator that may be called from signal handlers: it only ever moves one
 * counter through a large reserved mapping. Nothing is given back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

static const size_t arena_bytes = (size_t)64 << 30;
static _Atomic(char *) arena;
static atomic_size_t used;

static char *base(void)
{
    char *start = arena;

    if (!start) {
        char *fresh = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (fresh == MAP_FAILED)
            return NULL;
        if (atomic_compare_exchange_strong(&arena, &start, fresh))
            start = fresh;
        else
            munmap(fresh, arena_bytes);
    }
    return start;
}

/* The 16 bytes before a block hold its size. */
static void *take(size_t alignment, size_t bytes)
{
    char *start = base();

    if (alignment < 16)
        alignment = 16;
    if (!start || bytes > arena_bytes / 4 || alignment > arena_bytes / 4) {
        errno = ENOMEM;
        return NULL;
    }
    size_t offset = atomic_fetch_add(&used, 16 + alignment + ((bytes + 15) & ~(size_t)15));
    if (offset > arena_bytes / 2) {
        errno = ENOMEM;
        return NULL;
    }
    uintptr_t block = ((uintptr_t)start + offset + 16 + alignment - 1) & ~(alignment - 1);
    ((size_t *)block)[-1] = bytes;
    return (void *)block;
}

EXPORT void *malloc(size_t bytes)
{
    return take(16, bytes);
}

EXPORT void free(void *block)
{
    (void)block;
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    size_t product;

    if (__builtin_mul_overflow(count, bytes, &product)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(16, product);
}

EXPORT void *realloc(void *block, size_t bytes)
{
    void *fresh = take(16, bytes);

    if (fresh && block) {
        size_t before = ((size_t *)block)[-1];
        memcpy(fresh, block, before < bytes ? before : bytes);
    }
    return fresh;
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t bytes)
{
    void *block = take(alignment, bytes);

    if (!block)
        return ENOMEM;
    *result = block;
    return 0;
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return take(alignment, bytes);
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return take(alignment, bytes);
}

EXPORT size_t malloc_usable_size(void *block)
{
    return block ? ((size_t *)block)[-1] : 0;
}
