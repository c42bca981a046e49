/*
 * The replaceable C++ operators, by their mangled names. Watching them, and not
 * only the malloc beneath, makes the return address the program's own call
 * site, and sees allocators whose operator new does not call malloc. A
 * program's own operators win over ours when they are in the executable, and
 * are forwarded to when they are in a library.
 *
 * operator new may throw through these frames: they are compiled with
 * -fexceptions, and what must be undone is a cleanup.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "next.h"
#include "watch.h"

static void leave(int *unused)
{
    (void)unused;
    thread_self.nested--;
}

/* The next operator, found at the first call: C++ may be loaded long after us. */
static void *resolve(void **known, const char *name, const void *caller)
{
    void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

    if (__builtin_expect(!found, 0)) {
        thread_self.nested++;
        found = next_symbol(name, caller);
        thread_self.nested--;
        __atomic_store_n(known, found, __ATOMIC_RELAXED);
    }
    return found;
}

/*
 * Where no C++ runtime can be found (a static one, hidden, whose operators are
 * weak references elsewhere) operator new is malloc; it cannot throw there.
 */
static void *plain(size_t bytes, size_t alignment)
{
    if (!bytes)
        bytes = 1;
    return alignment > 16
               ? next.aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1))
               : next.malloc(bytes);
}

#define NEW(mangled, parameters, types, arguments, bytes, alignment, kind)                         \
    MAPTRACE_EXPORT void *mangled parameters;                                                      \
    MAPTRACE_EXPORT void *mangled parameters                                                       \
    {                                                                                              \
        static void *known;                                                                        \
        void *(*forward)types =                                                                    \
            (void *(*)types)resolve(&known, #mangled, __builtin_return_address(0));                \
        if (watch_nested())                                                                        \
            return forward ? forward arguments : plain(bytes, alignment);                          \
        void *memory;                                                                              \
        {                                                                                          \
            __attribute__((cleanup(leave))) int guard = 0;                                         \
            thread_self.nested++;                                                                  \
            memory = forward ? forward arguments : plain(bytes, alignment);                        \
        }                                                                                          \
        struct call_site site = CALL_SITE_HERE;                                                    \
        watch_allocated(memory, bytes, kind, &site);                                               \
        return memory;                                                                             \
    }

#define DELETE(mangled, parameters, types, arguments)                                              \
    MAPTRACE_EXPORT void mangled parameters;                                                       \
    MAPTRACE_EXPORT void mangled parameters                                                        \
    {                                                                                              \
        static void *known;                                                                        \
        void(*forward) types =                                                                     \
            (void(*) types)resolve(&known, #mangled, __builtin_return_address(0));                 \
        if (!memory)                                                                               \
            return;                                                                                \
        if (__builtin_expect(watch_may_be_array(memory), 0)) {                                     \
            struct call_site site = CALL_SITE_HERE;                                                \
            watch_released(memory, &site);                                                         \
        }                                                                                          \
        if (forward)                                                                               \
            forward arguments;                                                                     \
        else                                                                                       \
            next.free(memory);                                                                     \
    }

/* new: plain, array; throwing and nothrow; aligned. */
NEW(_Znwm, (size_t bytes), (size_t), (bytes), bytes, 0, CALL_NEW)
NEW(_Znam, (size_t bytes), (size_t), (bytes), bytes, 0, CALL_NEW)
NEW(_ZnwmRKSt9nothrow_t, (size_t bytes, const void *nothrow), (size_t, const void *),
    (bytes, nothrow), bytes, 0, CALL_NEW)
NEW(_ZnamRKSt9nothrow_t, (size_t bytes, const void *nothrow), (size_t, const void *),
    (bytes, nothrow), bytes, 0, CALL_NEW)
NEW(_ZnwmSt11align_val_t, (size_t bytes, size_t alignment), (size_t, size_t), (bytes, alignment),
    bytes, alignment, CALL_NEW)
NEW(_ZnamSt11align_val_t, (size_t bytes, size_t alignment), (size_t, size_t), (bytes, alignment),
    bytes, alignment, CALL_NEW)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, const void *nothrow),
    (size_t, size_t, const void *), (bytes, alignment, nothrow), bytes, alignment, CALL_NEW)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, const void *nothrow),
    (size_t, size_t, const void *), (bytes, alignment, nothrow), bytes, alignment, CALL_NEW)

/* delete: plain, sized, nothrow, aligned, sized and aligned, aligned and nothrow; each for arrays.
 */
DELETE(_ZdlPv, (void *memory), (void *), (memory))
DELETE(_ZdaPv, (void *memory), (void *), (memory))
DELETE(_ZdlPvm, (void *memory, size_t bytes), (void *, size_t), (memory, bytes))
DELETE(_ZdaPvm, (void *memory, size_t bytes), (void *, size_t), (memory, bytes))
DELETE(_ZdlPvRKSt9nothrow_t, (void *memory, const void *nothrow), (void *, const void *),
       (memory, nothrow))
DELETE(_ZdaPvRKSt9nothrow_t, (void *memory, const void *nothrow), (void *, const void *),
       (memory, nothrow))
DELETE(_ZdlPvSt11align_val_t, (void *memory, size_t alignment), (void *, size_t),
       (memory, alignment))
DELETE(_ZdaPvSt11align_val_t, (void *memory, size_t alignment), (void *, size_t),
       (memory, alignment))
DELETE(_ZdlPvmSt11align_val_t, (void *memory, size_t bytes, size_t alignment),
       (void *, size_t, size_t), (memory, bytes, alignment))
DELETE(_ZdaPvmSt11align_val_t, (void *memory, size_t bytes, size_t alignment),
       (void *, size_t, size_t), (memory, bytes, alignment))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *memory, size_t alignment, const void *nothrow),
       (void *, size_t, const void *), (memory, alignment, nothrow))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *memory, size_t alignment, const void *nothrow),
       (void *, size_t, const void *), (memory, alignment, nothrow))
