/*
 * The allocator that the program would have had without us: the *next*
 * definition of each entry point after ours, whoever provides it.
 *
 * Every pointer is valid from the first instruction on: until the real ones
 * are known they lead to functions that resolve first, and serve what dlsym
 * itself allocates from a pool of our own.
 */
#ifndef MAPTRACE_PRELOAD_NEXT_H
#define MAPTRACE_PRELOAD_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct next {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
    /* The size of a block that `free` is about to be given; 0 if that allocator cannot tell. */
    size_t (*bytes_to_free)(void *);
    void (*free_sized)(void *, size_t);                 /* may be NULL: C23 */
    void (*free_aligned_sized)(void *, size_t, size_t); /* may be NULL: C23 */
};

/* Hidden also for those who use it: else each use would ask a table where it is. */
extern struct next next __attribute__((visibility("hidden")));

/* Resolves everything above. Idempotent; called at the latest by the first call. */
void next_resolve(void);

/*
 * The next definition of any other NAME, for a call that came from CALLER:
 * after us in the global order, else as CALLER's own module would find it (a
 * C++ library that was loaded with RTLD_LOCAL). NULL if there is none. *KNOWN
 * is static memory, all zero at first, that remembers the answer if it holds
 * for every caller and for good.
 */
void *next_symbol_found(void **known, const char *name, const void *caller);

static inline void *next_symbol(void **known, const char *name, const void *caller)
{
    void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

    return __builtin_expect(found != NULL, 1) ? found : next_symbol_found(known, name, caller);
}

/* Memory handed out before the real allocator was known. It is never reused. */
struct next_pool {
    uintptr_t low;
    size_t bytes; /* 0: not in use */
};
extern struct next_pool next_pool __attribute__((visibility("hidden")));

static inline bool next_in_pool(const void *memory)
{
    return (uintptr_t)memory - next_pool.low < next_pool.bytes;
}

size_t next_pool_bytes(const void *memory);

#endif
