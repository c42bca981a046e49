/*
 * Bucket arrays that a grow function maps itself. What an allocator maps for
 * its own use is nested in a call that is watched already.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "next.h"
#include "raw.h"
#include "watch.h"

/*
 * Mapping never starts the tracer: an allocator that comes before us maps while
 * it holds locks of its own, and to start means to allocate.
 */
static inline bool mapping_is_watched(void)
{
    return start_state != START_NOT_YET && !watch_nested();
}

static long finish(long result)
{
    if (raw_failed(result)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/* The system call itself: there is no other mmap behind us that would do more. */
static inline __attribute__((always_inline)) void *
map(void *at, size_t bytes, int protection, int flags, int fd, long offset, struct call_site site)
{
    long result = raw_mmap(at, bytes, protection, flags, fd, offset);

    if (!raw_failed(result) && (flags & MAP_ANONYMOUS) && mapping_is_watched())
        watch_allocated((void *)result, bytes, CALL_MMAP, &site);
    return (void *)finish(result);
}

MAPTRACE_EXPORT void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return map(at, bytes, protection, flags, fd, offset, CALL_SITE_HERE);
}

MAPTRACE_EXPORT void *mmap64(void *at, size_t bytes, int protection, int flags, int fd,
                             off64_t offset)
{
    return map(at, bytes, protection, flags, fd, offset, CALL_SITE_HERE);
}

MAPTRACE_EXPORT int munmap(void *at, size_t bytes)
{
    if (watch_may_be_array(at)) {
        struct call_site site = CALL_SITE_HERE;
        watch_released(at, bytes, &site);
    }
    return (int)finish(raw_munmap(at, bytes));
}

MAPTRACE_EXPORT void *mremap(void *at, size_t had, size_t bytes, int flags, ...)
{
    struct call_site site = CALL_SITE_HERE;
    struct watch_move move;
    bool watched = mapping_is_watched();
    void *to = NULL;

    if (flags & MREMAP_FIXED) {
        va_list more;

        va_start(more, flags);
        to = va_arg(more, void *);
        va_end(more);
    }
    if (watched)
        watch_move_begin(&move, at, &site);
    long result = raw_call(SYS_mremap, (long)at, (long)had, (long)bytes, flags, (long)to, 0);
    if (watched)
        watch_move_end(&move, at, raw_failed(result) ? NULL : (void *)result, bytes, CALL_MMAP,
                       &site);
    return (void *)finish(result);
}
