/*
 * The replaceable C++ operators, by their mangled names. Watching them, and not
 * only the malloc beneath, makes the return address the program's own call
 * site, and sees allocators whose operator new does not call malloc. A
 * program's own operators win over ours when they are in the executable, and
 * are forwarded to when they are in a library.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "next.h"
#include "watch.h"

/*
 * operator new may throw, by an unwinder that need not be ours: a library may
 * have one linked in. A cleanup would need functions of just that unwinder, so
 * there is none: this personality does what must be done, and goes on.
 */
#define CLEANUP_PHASE 2
#define CONTINUE_UNWIND 8

int operators_personality(int version, int actions, uint64_t class, void *exception, void *context);

__attribute__((used)) int operators_personality(int version, int actions, uint64_t class,
                                                void *exception, void *context)
{
    (void)version, (void)class, (void)exception, (void)context;
    if (actions & CLEANUP_PHASE)
        thread_self.nested--;
    return CONTINUE_UNWIND;
}

/*
 * All forms of operator new take one to three words; a callee does not see
 * words too many. Nothing but FORWARD may throw in here.
 */
typedef void *operator_new(size_t, uintptr_t, uintptr_t);

static __attribute__((noinline)) void *forward_new(operator_new *forward, size_t bytes,
                                                   uintptr_t second, uintptr_t third)
{
    __asm__ volatile(".cfi_personality 0x1b, operators_personality"); /* 4 bytes, from here */
    thread_self.nested++;
    thread_self.forward = (const void *)forward;
    void *memory = forward(bytes, second, third);
    thread_self.nested--;
    return memory;
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

/* Here as well what is more than a jump stands apart. */
static __attribute__((noinline)) void *watched_new(operator_new *forward, size_t bytes,
                                                   uintptr_t second, uintptr_t third,
                                                   size_t alignment, const struct call_site *site)
{
    if (watch_nested())
        return forward ? forward(bytes, second, third) : plain(bytes, alignment);
    void *memory = forward ? forward_new(forward, bytes, second, third) : plain(bytes, alignment);
    watch_allocated(memory, bytes, CALL_NEW, site);
    return memory;
}

#define NEW(mangled, parameters, bytes, second, third, alignment)                                  \
    MAPTRACE_EXPORT void *mangled parameters;                                                      \
    MAPTRACE_EXPORT void *mangled parameters                                                       \
    {                                                                                              \
        static void *known;                                                                        \
        operator_new *forward =                                                                    \
            (operator_new *)next_symbol(&known, #mangled, __builtin_return_address(0));            \
        if (!watch_is_plain() || !forward)                                                         \
            return watched_new(forward, bytes, second, third, alignment, &CALL_SITE_HERE);         \
        thread_self.forward = (const void *)forward;                                               \
        return forward(bytes, second, third);                                                      \
    }

#define DELETE(mangled, parameters, types, arguments)                                              \
    MAPTRACE_EXPORT void mangled parameters;                                                       \
    MAPTRACE_EXPORT void mangled parameters                                                        \
    {                                                                                              \
        static void *known;                                                                        \
        void(*forward) types =                                                                     \
            (void(*) types)next_symbol(&known, #mangled, __builtin_return_address(0));             \
        if (!memory)                                                                               \
            return;                                                                                \
        if (__builtin_expect(watch_may_be_array(memory), 0)) {                                     \
            struct call_site site = CALL_SITE_HERE;                                                \
            watch_released(memory, 0, &site);                                                      \
        }                                                                                          \
        if (forward) {                                                                             \
            thread_self.forward = (const void *)forward;                                           \
            forward arguments;                                                                     \
        } else {                                                                                   \
            next.free(memory);                                                                     \
        }                                                                                          \
    }

/* new: plain, array; throwing and nothrow; aligned. */
NEW(_Znwm, (size_t bytes), bytes, 0, 0, 0)
NEW(_Znam, (size_t bytes), bytes, 0, 0, 0)
NEW(_ZnwmRKSt9nothrow_t, (size_t bytes, uintptr_t nothrow), bytes, nothrow, 0, 0)
NEW(_ZnamRKSt9nothrow_t, (size_t bytes, uintptr_t nothrow), bytes, nothrow, 0, 0)
NEW(_ZnwmSt11align_val_t, (size_t bytes, size_t alignment), bytes, alignment, 0, alignment)
NEW(_ZnamSt11align_val_t, (size_t bytes, size_t alignment), bytes, alignment, 0, alignment)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, uintptr_t nothrow), bytes,
    alignment, nothrow, alignment)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, uintptr_t nothrow), bytes,
    alignment, nothrow, alignment)

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
