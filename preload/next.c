#define _GNU_SOURCE
#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "pages.h"
#include "raw.h"
#include "thread.h"

/*
 * One reservation: pages are touched only as they are used. dlsym asks for a
 * few hundred bytes; the size only has to be beyond any doubt.
 */
#define POOL_BYTES ((size_t)256 << 10)
#define POOL_HEADER 16

struct next_pool next_pool;
static char *pool_next;
static __thread int resolving __attribute__((tls_model("initial-exec")));
static int resolved;

static void *pool_take(size_t alignment, size_t bytes)
{
    if (!next_pool.bytes) {
        char *low = pages_map(POOL_BYTES);

        if (!low)
            return NULL;
        next_pool.low = (uintptr_t)low;
        pool_next = low;
        __atomic_store_n(&next_pool.bytes, POOL_BYTES, __ATOMIC_RELEASE);
    }
    if (alignment < 16)
        alignment = 16;
    uintptr_t at = ((uintptr_t)pool_next + POOL_HEADER + alignment - 1) & ~(alignment - 1);
    if (bytes > POOL_BYTES || at + bytes > next_pool.low + POOL_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    pool_next = (char *)at + bytes;
    ((size_t *)at)[-1] = bytes;
    return (void *)at;
}

size_t next_pool_bytes(const void *memory)
{
    return ((const size_t *)memory)[-1];
}

/* While dlsym is under way on this thread its own allocations come from the pool. */
#define UNLESS_RESOLVING(fallback, call)                                                           \
    do {                                                                                           \
        if (resolving)                                                                             \
            return fallback;                                                                       \
        next_resolve();                                                                            \
        return call;                                                                               \
    } while (0)

static void *first_malloc(size_t bytes)
{
    UNLESS_RESOLVING(pool_take(16, bytes), next.malloc(bytes));
}

static void *first_calloc(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    UNLESS_RESOLVING(pool_take(16, total), next.calloc(count, bytes));
}

static void *first_realloc(void *old, size_t bytes)
{
    if (resolving) {
        void *fresh = pool_take(16, bytes);

        if (fresh && old)
            memcpy(fresh, old, bytes < next_pool_bytes(old) ? bytes : next_pool_bytes(old));
        return fresh;
    }
    next_resolve();
    return next.realloc(old, bytes);
}

static void first_free(void *memory)
{
    if (resolving)
        return;
    next_resolve();
    next.free(memory);
}

static int first_posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    if (resolving) {
        *memory = pool_take(alignment, bytes);
        return *memory ? 0 : ENOMEM;
    }
    next_resolve();
    return next.posix_memalign(memory, alignment, bytes);
}

static void *first_aligned_alloc(size_t alignment, size_t bytes)
{
    UNLESS_RESOLVING(pool_take(alignment, bytes), next.aligned_alloc(alignment, bytes));
}

static void *first_memalign(size_t alignment, size_t bytes)
{
    UNLESS_RESOLVING(pool_take(alignment, bytes), next.memalign(alignment, bytes));
}

static void *first_valloc(size_t bytes)
{
    UNLESS_RESOLVING(pool_take(4096, bytes), next.valloc(bytes));
}

static void *first_pvalloc(size_t bytes)
{
    UNLESS_RESOLVING(pool_take(4096, (bytes + 4095) & ~(size_t)4095), next.pvalloc(bytes));
}

static size_t first_usable_size(void *memory)
{
    UNLESS_RESOLVING(0, next.malloc_usable_size(memory));
}

static size_t no_size(void *memory)
{
    (void)memory;
    return 0;
}

struct next next = {
    .malloc = first_malloc,
    .calloc = first_calloc,
    .realloc = first_realloc,
    .free = first_free,
    .posix_memalign = first_posix_memalign,
    .aligned_alloc = first_aligned_alloc,
    .memalign = first_memalign,
    .valloc = first_valloc,
    .pvalloc = first_pvalloc,
    .malloc_usable_size = first_usable_size,
    .bytes_to_free = no_size,
};

/* An allocator that lacks malloc_usable_size must not be asked for its blocks by another's. */
static bool same_library(const void *one, const void *other)
{
    Dl_info first, second;

    return one && other && dladdr(one, &first) && dladdr(other, &second) &&
           first.dli_fbase == second.dli_fbase;
}

void next_resolve(void)
{
    if (__atomic_load_n(&resolved, __ATOMIC_ACQUIRE) || resolving)
        return;
    resolving = 1;
    struct next found = {
        .malloc = dlsym(RTLD_NEXT, "malloc"),
        .calloc = dlsym(RTLD_NEXT, "calloc"),
        .realloc = dlsym(RTLD_NEXT, "realloc"),
        .free = dlsym(RTLD_NEXT, "free"),
        .posix_memalign = dlsym(RTLD_NEXT, "posix_memalign"),
        .aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc"),
        .memalign = dlsym(RTLD_NEXT, "memalign"),
        .valloc = dlsym(RTLD_NEXT, "valloc"),
        .pvalloc = dlsym(RTLD_NEXT, "pvalloc"),
        .malloc_usable_size = dlsym(RTLD_NEXT, "malloc_usable_size"),
        .free_sized = dlsym(RTLD_NEXT, "free_sized"),
        .free_aligned_sized = dlsym(RTLD_NEXT, "free_aligned_sized"),
    };
    found.bytes_to_free =
        same_library((const void *)found.free, (const void *)found.malloc_usable_size)
            ? found.malloc_usable_size
            : no_size;
    next = found;
    __atomic_store_n(&resolved, 1, __ATOMIC_RELEASE);
    resolving = 0;
}

/*
 * As CALLER's module sees it. A definition in a library of its own, the C++
 * runtime say, is kept from being unloaded, so that it can be remembered; one
 * in the module itself goes with the module, and is good for that one only.
 */
static void *symbol_of_caller(const char *name, const void *caller, bool *lasting)
{
    static void *known;
    int (*unload)(void *) = (int (*)(void *))next_symbol(&known, "dlclose", NULL);
    Dl_info here, own, definition;

    /* What we forwarded to came back by a tail call. */
    if (dladdr(&known, &here) && dladdr(caller, &own) && own.dli_fbase == here.dli_fbase)
        caller = thread_self.forward;
    void *module = caller && dladdr(caller, &own) && own.dli_fname
                       ? dlopen(own.dli_fname, RTLD_LAZY | RTLD_NOLOAD)
                       : NULL;
    *lasting = false;
    if (!module)
        return NULL;
    void *found = dlsym(module, name);
    *lasting = found && dladdr(found, &definition) && definition.dli_fname &&
               definition.dli_fbase != own.dli_fbase &&
               dlopen(definition.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    unload(module);
    return found;
}

void *next_symbol_found(void **known, const char *name, const void *caller)
{
    int kept = errno;
    bool lasting = true;
    void *found;

    thread_self.nested++;
    resolving++;
    found = dlsym(RTLD_NEXT, name);
    if (!found && caller)
        found = symbol_of_caller(name, caller, &lasting);
    resolving--;
    thread_self.nested--;
    if (lasting)
        __atomic_store_n(known, found, __ATOMIC_RELAXED);
    errno = kept;
    return found;
}
