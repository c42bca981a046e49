/*
 * jemalloc's own entry points. Without a jemalloc behind us nobody should call
 * them; a program that finds them all the same gets malloc's answer.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>

#include "next.h"
#include "watch.h"

#define LG_ALIGN(flags) ((flags)&0x3f)
#define ZERO_FLAG 0x40

static void *plain(size_t bytes, int flags)
{
    size_t alignment = (size_t)1 << LG_ALIGN(flags);
    void *memory = alignment > 16 ? next.memalign(alignment, bytes) : next.malloc(bytes);

    if (memory && (flags & ZERO_FLAG))
        memset(memory, 0, bytes);
    return memory;
}

MAPTRACE_EXPORT void *mallocx(size_t bytes, int flags);
MAPTRACE_EXPORT void *mallocx(size_t bytes, int flags)
{
    static void *known;
    void *(*forward)(size_t, int) =
        (void *(*)(size_t, int))next_symbol(&known, "mallocx", __builtin_return_address(0));
    bool nested = watch_nested();

    thread_self.nested++;
    void *memory = forward ? forward(bytes, flags) : plain(bytes, flags);
    thread_self.nested--;
    struct call_site site = CALL_SITE_HERE;
    if (!nested)
        watch_allocated(memory, bytes, flags & ZERO_FLAG ? CALL_CALLOC : CALL_MALLOC, &site);
    return memory;
}

MAPTRACE_EXPORT void *rallocx(void *memory, size_t bytes, int flags);
MAPTRACE_EXPORT void *rallocx(void *memory, size_t bytes, int flags)
{
    static void *known;
    void *(*forward)(void *, size_t, int) =
        (void *(*)(void *, size_t, int))next_symbol(&known, "rallocx", __builtin_return_address(0));
    struct call_site site = CALL_SITE_HERE;
    struct watch_move move;
    bool nested = watch_nested();

    if (!nested)
        watch_move_begin(&move, memory, &site);
    thread_self.nested++;
    void *moved = forward ? forward(memory, bytes, flags) : next.realloc(memory, bytes);
    thread_self.nested--;
    if (!nested)
        watch_move_end(&move, memory, moved, bytes, CALL_REALLOC, &site);
    return moved;
}

/* Grows in place or not at all. */
MAPTRACE_EXPORT size_t xallocx(void *memory, size_t bytes, size_t extra, int flags);
MAPTRACE_EXPORT size_t xallocx(void *memory, size_t bytes, size_t extra, int flags)
{
    static void *known;
    size_t (*forward)(void *, size_t, size_t, int) =
        (size_t(*)(void *, size_t, size_t, int))next_symbol(&known, "xallocx",
                                                            __builtin_return_address(0));
    struct call_site site = CALL_SITE_HERE;
    struct watch_move move;
    bool nested = watch_nested();

    if (!nested)
        watch_move_begin(&move, memory, &site);
    thread_self.nested++;
    size_t had = forward ? forward(memory, bytes, extra, flags) : next.malloc_usable_size(memory);
    thread_self.nested--;
    /* Too small: nothing has changed, and the array goes back as it was. */
    if (!nested)
        watch_move_end(&move, memory, had >= bytes ? memory : NULL, bytes, CALL_REALLOC, &site);
    return had;
}

MAPTRACE_EXPORT void dallocx(void *memory, int flags);
MAPTRACE_EXPORT void dallocx(void *memory, int flags)
{
    static void *known;
    void (*forward)(void *, int) =
        (void (*)(void *, int))next_symbol(&known, "dallocx", __builtin_return_address(0));

    if (memory && watch_may_be_array(memory)) {
        struct call_site site = CALL_SITE_HERE;
        watch_released(memory, 0, &site);
    }
    if (forward)
        forward(memory, flags);
    else
        next.free(memory);
}

MAPTRACE_EXPORT void sdallocx(void *memory, size_t bytes, int flags);
MAPTRACE_EXPORT void sdallocx(void *memory, size_t bytes, int flags)
{
    static void *known;
    void (*forward)(void *, size_t, int) =
        (void (*)(void *, size_t, int))next_symbol(&known, "sdallocx", __builtin_return_address(0));

    if (memory && watch_may_be_array(memory)) {
        struct call_site site = CALL_SITE_HERE;
        watch_released(memory, bytes, &site);
    }
    if (forward)
        forward(memory, bytes, flags);
    else
        next.free(memory);
}
