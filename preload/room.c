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

static struct trace_header *header;
static uint64_t ready[LAYOUT_REGIONS]; /* bytes of each region that can be written to */
static bool full[LAYOUT_REGIONS];      /* no more to be had */

void room_private(struct trace_header *at)
{
    header = at;
    for (unsigned i = 0; i < LAYOUT_REGIONS; i++)
        ready[i] = layout_bytes(layout_region(header, i));
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

int room_of_file(int fd, const uint64_t used[LAYOUT_REGIONS])
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
    for (unsigned i = 0; i < LAYOUT_REGIONS; i++) {
        const struct trace_region *region = layout_region(header, i);
        uint64_t first = (used[i] / PIECE + 1) * PIECE;

        if (first > layout_bytes(region))
            first = layout_bytes(region);
        error = first ? allocate(fd, region->offset, first) : 0;
        if (error)
            return error;
        ready[i] = first;
    }
    return 0;
}

/* Reserves up to WANTED bytes of region I; as far as it comes. */
static void reserve(unsigned i, uint64_t wanted)
{
    const struct trace_region *region = layout_region(header, i);
    uint64_t most = layout_bytes(region);

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
    unsigned i = layout_index(header, region);
    uint64_t wanted = entries * region->entry_bytes;

    if (__builtin_expect(wanted > ready[i], 0) && sandbox_may_call())
        reserve(i, wanted);
    return wanted <= ready[i];
}

void room_for_all(void)
{
    for (unsigned i = 0; i < LAYOUT_REGIONS; i++)
        reserve(i, layout_bytes(layout_region(header, i)));
}
