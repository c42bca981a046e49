/*
 * The replaceable C++ operators, by their mangled names. Watching them, and not
 * only the malloc beneath, makes the return address the program's own call
 * site, and sees allocators whose operator new does not call malloc. A
 * program's own operators win over ours when they are in the executable, and
 * are forwarded to when they are in a library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
 * All forms take one to three words; a callee does not see words too many.
 * Nothing but FORWARD may throw in here.
 */
typedef void *operator_new(size_t, uintptr_t, uintptr_t);
typedef void operator_delete(void *, uintptr_t, uintptr_t);

struct cxx_operator {
    void *known; /* see next_symbol() */
    const char *name;
    void *plain; /* KNOWN, if all it does is to call our malloc or free in the end */
};

static void *next_of(struct cxx_operator *which, const struct call_site *site)
{
    return next_symbol(&which->known, which->name, (const void *)site->pc);
}

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

static bool is_ours(const char *name)
{
    static const char here;
    Dl_info own, found;
    const void *address = dlsym(RTLD_DEFAULT, name);

    return address && dladdr(&here, &own) && dladdr(address, &found) &&
           found.dli_fbase == own.dli_fbase;
}

static bool is_of_a_runtime(const void *forward)
{
    static const char *const runtimes[] = {"libstdc++.so.", "libc++abi.so."};
    Dl_info info;

    if (!dladdr(forward, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/'), *base = slash ? slash + 1 : info.dli_fname;
    for (unsigned i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
        if (strncmp(base, runtimes[i], strlen(runtimes[i])) == 0)
            return true;
    return false;
}

/*
 * The C++ runtimes' own operators call one another, and malloc or free in the
 * end, so that a program can replace any of them. Where none is replaced but by
 * ours, that is all they do as long as there is memory: the way is left out.
 */
static void find_plain(struct cxx_operator *which, bool makes)
{
    int kept = errno;

    thread_self.nested++;
    if (is_of_a_runtime(which->known) &&
        (makes ? is_ours("malloc") && is_ours("_Znwm") && is_ours("_Znam")
               : is_ours("free") && is_ours("_ZdlPv") && is_ours("_ZdaPv") &&
                     is_ours("_ZdlPvSt11align_val_t")))
        __atomic_store_n(&which->plain, which->known, __ATOMIC_RELAXED);
    thread_self.nested--;
    errno = kept;
}

/* Here as well what is more than a jump stands apart. */
static __attribute__((noinline)) void *watched_new(struct cxx_operator *which, size_t bytes,
                                                   uintptr_t second, uintptr_t third,
                                                   size_t alignment, const struct call_site *site)
{
    bool first = !which->known, nested = watch_nested();
    operator_new *forward = (operator_new *)next_of(which, site);

    if (first && which->known)
        find_plain(which, true);
    if (nested)
        return forward ? forward(bytes, second, third) : plain(bytes, alignment);
    void *memory = forward ? forward_new(forward, bytes, second, third) : plain(bytes, alignment);
    watch_allocated(memory, bytes, CALL_NEW, site);
    return memory;
}

/* Tells of a release, and says where it is to be forwarded. */
static __attribute__((noinline)) operator_delete *
watched_delete(struct cxx_operator *which, void *memory, struct call_site site)
{
    bool first = !which->known;
    operator_delete *forward = (operator_delete *)next_of(which, &site);

    if (first && which->known)
        find_plain(which, false);
    if (memory && watch_may_be_array(memory))
        watch_released(memory, 0, &site);
    if (!forward)
        return (operator_delete *)(void *)next.free;
    thread_self.forward = (const void *)forward;
    return forward;
}

#define NEW(mangled, parameters, bytes, second, third, aligned)                                    \
    static struct cxx_operator next_##mangled = {.name = #mangled};                                \
    static __attribute__((noinline)) void *watched_##mangled(size_t bytes_, uintptr_t second_,     \
                                                             uintptr_t third_, uintptr_t pc,       \
                                                             uintptr_t sp, uintptr_t rbp)          \
    {                                                                                              \
        return watched_new(&next_##mangled, bytes_, second_, third_, aligned ? second_ : 0,        \
                           &(struct call_site){pc, sp, rbp});                                      \
    }                                                                                              \
    MAPTRACE_EXPORT void *mangled parameters;                                                      \
    MAPTRACE_EXPORT void *mangled parameters                                                       \
    {                                                                                              \
        operator_new *forward =                                                                    \
            (operator_new *)__atomic_load_n(&next_##mangled.known, __ATOMIC_RELAXED);              \
        if (!watch_is_plain(bytes) || !forward)                                                    \
            return watched_##mangled(bytes, second, third, FRAME_CALLER_PC, FRAME_CALLER_SP,       \
                                     FRAME_CALLER_RBP);                                            \
        void *memory = NULL;                                                                       \
        if (!aligned && __atomic_load_n(&next_##mangled.plain, __ATOMIC_RELAXED))                  \
            memory = next.malloc(bytes ? bytes : 1);                                               \
        return memory ? memory : forward(bytes, second, third);                                    \
    }

#define DELETE(mangled, parameters, second, third)                                                 \
    static struct cxx_operator next_##mangled = {.name = #mangled};                                \
    static __attribute__((noinline)) void watched_##mangled(void *memory, uintptr_t second_,       \
                                                            uintptr_t third_, uintptr_t pc,        \
                                                            uintptr_t sp, uintptr_t rbp)           \
    {                                                                                              \
        watched_delete(&next_##mangled, memory, (struct call_site){pc, sp, rbp})(memory, second_,  \
                                                                                 third_);          \
    }                                                                                              \
    MAPTRACE_EXPORT void mangled parameters;                                                       \
    MAPTRACE_EXPORT void mangled parameters                                                        \
    {                                                                                              \
        operator_delete *forward =                                                                 \
            (operator_delete *)__atomic_load_n(&next_##mangled.plain, __ATOMIC_RELAXED);           \
        if (forward && !watch_may_be_array(memory) && !next_in_pool(memory)) {                     \
            next.free(memory);                                                                     \
            return;                                                                                \
        }                                                                                          \
        if (forward) {                                                                             \
            forward(memory, second, third);                                                        \
            return;                                                                                \
        }                                                                                          \
        forward = (operator_delete *)__atomic_load_n(&next_##mangled.known, __ATOMIC_RELAXED);     \
        if (!watch_may_be_array(memory) && forward)                                                \
            forward(memory, second, third);                                                        \
        else                                                                                       \
            watched_##mangled(memory, second, third, FRAME_CALLER_PC, FRAME_CALLER_SP,             \
                              FRAME_CALLER_RBP);                                                   \
    }

/* new: plain, array; throwing and nothrow; aligned. */
NEW(_Znwm, (size_t bytes), bytes, 0, 0, false)
NEW(_Znam, (size_t bytes), bytes, 0, 0, false)
NEW(_ZnwmRKSt9nothrow_t, (size_t bytes, uintptr_t nothrow), bytes, nothrow, 0, false)
NEW(_ZnamRKSt9nothrow_t, (size_t bytes, uintptr_t nothrow), bytes, nothrow, 0, false)
NEW(_ZnwmSt11align_val_t, (size_t bytes, size_t alignment), bytes, alignment, 0, true)
NEW(_ZnamSt11align_val_t, (size_t bytes, size_t alignment), bytes, alignment, 0, true)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, uintptr_t nothrow), bytes,
    alignment, nothrow, true)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, uintptr_t nothrow), bytes,
    alignment, nothrow, true)

/* delete: plain, sized, nothrow, aligned, aligned and sized, aligned and nothrow; and of arrays. */
DELETE(_ZdlPv, (void *memory), 0, 0)
DELETE(_ZdaPv, (void *memory), 0, 0)
DELETE(_ZdlPvm, (void *memory, size_t bytes), bytes, 0)
DELETE(_ZdaPvm, (void *memory, size_t bytes), bytes, 0)
DELETE(_ZdlPvRKSt9nothrow_t, (void *memory, uintptr_t nothrow), nothrow, 0)
DELETE(_ZdaPvRKSt9nothrow_t, (void *memory, uintptr_t nothrow), nothrow, 0)
DELETE(_ZdlPvSt11align_val_t, (void *memory, size_t alignment), alignment, 0)
DELETE(_ZdaPvSt11align_val_t, (void *memory, size_t alignment), alignment, 0)
DELETE(_ZdlPvmSt11align_val_t, (void *memory, size_t bytes, size_t alignment), bytes, alignment)
DELETE(_ZdaPvmSt11align_val_t, (void *memory, size_t bytes, size_t alignment), bytes, alignment)
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *memory, size_t alignment, uintptr_t nothrow),
       alignment, nothrow)
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *memory, size_t alignment, uintptr_t nothrow),
       alignment, nothrow)
