#define _GNU_SOURCE
#include "room.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../trace/layout.h"
#include "raw.h"
#include "sandbox.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Reserved when the file is made, and at a time from then on. */
#define PIECE ((uint64_t)64 << 10)

_Static_assert(offsetof(struct trace_header, messages) - offsetof(struct trace_header, rules) ==
                   (ROOM_REGIONS - 1) * sizeof(struct trace_region),
               "regions stand in a row");

static struct trace_header *header;
static uint64_t ready[ROOM_REGIONS]; /* bytes of each region that can be written to */
static bool full[ROOM_REGIONS];      /* no more to be had */

static uint64_t bytes_of(const struct trace_region *region)
{
    uint64_t bytes = (uint64_t)region->entry_bytes * region->capacity;

    return (bytes + LAYOUT_PAGE - 1) & ~(LAYOUT_PAGE - 1);
}

void room_private(struct trace_header *at)
{
    header = at;
    for (unsigned i = 0; i < ROOM_REGIONS; i++)
        ready[i] = bytes_of(&header->rules + i);
    memset(full, 0, sizeof full);
}

static int allocate(int fd, uint64_t offset, uint64_t bytes)
{
    return (int)raw_call(SYS_fallocate, fd, 0, (long)offset, (long)bytes, 0, 0);
}

/* For file systems that cannot allocate: zeros, all over. */
static int fill(int fd)
{
    static const char zeros[4096];

    for (uint64_t at = 0; at < header->file_bytes; at += sizeof zeros) {
        long wrote = raw_call(SYS_pwrite64, fd, (long)zeros, sizeof zeros, (long)at, 0, 0);

        if (wrote != (long)sizeof zeros)
            return raw_failed(wrote) ? (int)wrote : -ENOSPC;
    }
    return 0;
}

void room_mapped(void *at, uint64_t bytes)
{
    raw_madvise(at, bytes, MADV_RANDOM);
}

static bool can_grow_later(int fd)
{
    long page = raw_mmap(NULL, LAYOUT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, /* offset */ 0);
    long answer = page;

    if (!raw_failed(page)) {
        room_mapped((void *)page, LAYOUT_PAGE);
        answer = raw_madvise((void *)page, LAYOUT_PAGE, MADV_POPULATE_WRITE);
        raw_munmap((void *)page, LAYOUT_PAGE);
    }
    return answer == 0;
}

int room_of_file(int fd, const uint64_t used[ROOM_REGIONS])
{
    struct rlimit limit;

    /* Beyond this limit the kernel would send the program a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < header->file_bytes)
        return -EFBIG;
    int error = (int)raw_call(SYS_ftruncate, fd, (long)header->file_bytes, 0, 0, 0, 0);
    if (error)
        return error;
    error = allocate(fd, 0, header->rules.offset);
    if (error == -EOPNOTSUPP || error == -ENOSYS)
        return fill(fd);
    if (error)
        return error;
    if (!can_grow_later(fd))
        return allocate(fd, 0, header->file_bytes);
    for (unsigned i = 0; i < ROOM_REGIONS; i++) {
        const struct trace_region *region = &header->rules + i;
        uint64_t first = (used[i] / PIECE + 1) * PIECE;

        if (first > bytes_of(region))
            first = bytes_of(region);
        error = allocate(fd, region->offset, first);
        if (error)
            return error;
        ready[i] = first;
    }
    return 0;
}

/* Reserves up to WANTED bytes of region I; as far as it comes. */
static void reserve(unsigned i, uint64_t wanted)
{
    const struct trace_region *region = &header->rules + i;
    uint64_t most = bytes_of(region);

    while (ready[i] < wanted && ready[i] < most && !full[i]) {
        uint64_t piece = most - ready[i] < PIECE ? most - ready[i] : PIECE;

        if (raw_madvise((char *)header + region->offset + ready[i], piece, MADV_POPULATE_WRITE))
            full[i] = true; /* for good: a full disk is not asked again and again */
        else
            ready[i] += piece;
    }
}

bool room_for(const struct trace_region *region, uint64_t entries)
{
    unsigned i = (unsigned)(region - &header->rules);
    uint64_t wanted = entries * region->entry_bytes;

    if (__builtin_expect(wanted > ready[i], 0) && sandbox_may_call())
        reserve(i, wanted);
    return wanted <= ready[i];
}

void room_for_all(void)
{
    for (unsigned i = 0; i < ROOM_REGIONS; i++)
        reserve(i, bytes_of(&header->rules + i));
}
