#define _GNU_SOURCE
#include "golang/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "golang/origin.h"
#include "trace/layout.h"

enum { PIECE = 64 << 10 };
static const uint64_t NOTABLE_NS = 1000000; /* as the guest has it */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- room ---------------------------------------------------------------------- */

/*
 * Writing zeros costs a quarter of what it costs to touch what posix_fallocate() has reserved:
 * there each page is a fault on its own that the file system looks up.
 */
static bool reserve(int fd, uint64_t offset, uint64_t bytes)
{
    static const char zeros[PIECE];

    return pwrite(fd, zeros, bytes, (off_t)offset) == (ssize_t)bytes;
}

static bool has_room(void *context, const struct trace_region *region, uint64_t entries)
{
    struct trace_file *trace = context;
    unsigned index = layout_index(trace->writer.header, region);
    uint64_t *ready = &trace->ready[index];
    uint64_t wanted = entries * region->entry_bytes;
    uint64_t all = layout_bytes(region);

    if (trace->full[index])
        return wanted <= *ready;
    while (*ready < wanted) {
        uint64_t piece = all - *ready < PIECE ? all - *ready : PIECE;
        trace->full[index] |= !reserve(trace->fd, region->offset + *ready, piece);
        if (trace->full[index])
            return false;
        *ready += piece;
    }
    return true;
}

/* The first piece of every region, so that no ring is ever without a slot. */
static bool has_first_pieces(struct trace_file *trace)
{
    struct trace_header *header = trace->writer.header;
    bool room = true;

    for (unsigned i = 0; i < LAYOUT_REGIONS && room; i++) {
        const struct trace_region *region = layout_region(header, i);
        uint64_t entries = PIECE / region->entry_bytes;
        room = has_room(trace, region, entries < region->capacity ? entries : region->capacity);
    }
    return room;
}

/* --- making it ------------------------------------------------------------------ */

static int keep_old(const char *path)
{
    struct stat status;
    char *old;

    /* Only what can be a trace is renamed: never a directory, a device or a link. */
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    if (asprintf(&old, "%s.old", path) < 0)
        return -ENOMEM;
    int error = rename(path, old) == 0 ? 0 : -errno;
    free(old);
    return error;
}

/* Gives the new file its header and its size, and maps it. */
static int map_file(struct trace_file *trace, const struct trace_header *header)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < trace->bytes)
        return -EFBIG;
    /* At once: somebody may read it while the disk takes its time. It has room on disk by that. */
    if (pwrite(trace->fd, header, sizeof *header, 0) != sizeof *header)
        return -ENOSPC;
    if (ftruncate(trace->fd, (off_t)trace->bytes) != 0)
        return -errno;
    void *memory = mmap(NULL, trace->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, trace->fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    /* Nothing in it is worth being read ahead: megabytes of zeros at each fault. */
    madvise(memory, trace->bytes, MADV_RANDOM);
    trace->writer.header = memory;
    return 0;
}

int trace_file_make(struct trace_file *trace, const char *path, pid_t pid, char *const *command,
                    uint64_t ring_bytes, uint64_t started_ns)
{
    struct trace_header header = {.version = TRACE_VERSION, .header_bytes = sizeof header};
    uint64_t bytes = layout_place(&header, ring_bytes, LAYOUT_OF_GO);

    _Static_assert(sizeof header <= 4096, "the header has room in the first page");
    memcpy(header.magic, TRACE_MAGIC, sizeof header.magic);
    header.file_bytes = bytes;
    header.notable_ns = NOTABLE_NS;
    header.start_monotonic_ns = started_ns;
    header.start_realtime_ns = clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - started_ns);
    origin_of(&header, pid, command);
    *trace = (struct trace_file){.bytes = bytes};
    void *links = malloc(trace_stacks_bytes(header.stacks.capacity));
    int error = links ? keep_old(path) : -ENOMEM;
    trace->fd = error ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (!error && trace->fd < 0)
        error = -errno;
    if (!error && (error = map_file(trace, &header)) != 0)
        unlink(path);
    if (error) {
        free(links);
        if (trace->fd >= 0)
            close(trace->fd);
        return error;
    }
    trace->writer.room = has_room;
    trace->writer.context = trace;
    trace_stacks_start(&trace->writer, links, header.stacks.capacity);
    if (has_first_pieces(trace))
        return 0;
    trace_file_close(trace);
    unlink(path);
    return -ENOSPC;
}

void trace_file_close(struct trace_file *trace)
{
    munmap(trace->writer.header, trace->bytes);
    free(trace->writer.stack_links);
    close(trace->fd);
}
