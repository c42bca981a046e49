/*
 * A writer changes an entry in place at any time. Two reads of it that agree
 * byte for byte are a whole entry, or one whose sequence says that it is being
 * written: between two reads that are both torn, the sequence moves on.
 */
#include "trace/reader_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)
#define WAIT_NS 500000
#define MOST_WAITS 1000 /* for one file, or a hostile one could hold us up */

int64_t source_read(const struct source *source, void *buffer, uint64_t offset, uint64_t bytes)
{
    uint64_t done = 0;
    while (done < bytes) {
        ssize_t got =
            pread(source->descriptor, (char *)buffer + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (uint64_t)got;
    }
    return (int64_t)done;
}

struct pass {
    struct source *source;
    uint64_t offset;      /* of the chunk in the file */
    uint32_t entry_bytes; /* in the file */
    uint64_t index;       /* of the chunk's first entry */
    uint64_t entries;     /* in the chunk */
    char *chunk, *again;
    size_t want;
    char *entry;
    source_visit *visit;
    void *context;
};

/* Back to back: an entry that changes all the time is whole in between. */
static int read_again(struct pass *pass, size_t at, bool *stable)
{
    char *now = pass->chunk + at, *again = pass->again + at;
    uint64_t offset = pass->offset + at;

    if (source_read(pass->source, now, offset, pass->entry_bytes) != pass->entry_bytes ||
        source_read(pass->source, again, offset, pass->entry_bytes) != pass->entry_bytes)
        return -EIO;
    *stable = memcmp(now, again, pass->entry_bytes) == 0;
    return 0;
}

/* Visits the entry AT bytes into the chunk. */
static int visit_entry(struct pass *pass, uint64_t index, size_t at)
{
    struct source *source = pass->source;
    char *now = pass->chunk + at;
    size_t use = pass->want < pass->entry_bytes ? pass->want : pass->entry_bytes;
    bool stable = !source->changing || memcmp(now, pass->again + at, pass->entry_bytes) == 0;
    int error = stable ? 0 : read_again(pass, at, &stable);
    while (!error) {
        bool last = source->waits >= MOST_WAITS;
        if (stable || last) {
            memcpy(pass->entry, now, use);
            int outcome = pass->visit(pass->context, index, pass->entry, stable);
            if (outcome != SOURCE_AGAIN || !source->changing)
                return outcome == SOURCE_AGAIN ? -EIO : outcome;
            if (last)
                return pass->visit(pass->context, index, pass->entry, false);
        }
        source->waits++;
        nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
        error = read_again(pass, at, &stable);
    }
    return error;
}

static int visit_chunk(struct pass *pass)
{
    int outcome = 0;
    for (uint64_t i = 0; i < pass->entries && outcome == 0; i++)
        outcome = visit_entry(pass, pass->index + i, i * pass->entry_bytes);
    return outcome;
}

static int visit_all(struct pass *pass, const struct source_stretch *stretch)
{
    const struct trace_region *region = &stretch->region;
    uint64_t room = CHUNK_BYTES / region->entry_bytes, end = stretch->first + stretch->count;
    for (pass->index = stretch->first; pass->index < end; pass->index += pass->entries) {
        uint64_t entries = end - pass->index < room ? end - pass->index : room;
        uint64_t bytes = entries * region->entry_bytes;
        pass->offset = region->offset + pass->index * region->entry_bytes;
        int64_t got = source_read(pass->source, pass->chunk, pass->offset, bytes);
        if (got >= 0 && pass->source->changing) {
            int64_t more = source_read(pass->source, pass->again, pass->offset, (uint64_t)got);
            got = more < got ? more : got;
        }
        if (got < 0)
            return (int)got;
        pass->entries = (uint64_t)got / region->entry_bytes;
        int outcome = visit_chunk(pass);
        if (outcome)
            return outcome;
        if ((uint64_t)got < bytes)
            break;
    }
    return 0;
}

int source_entries(struct source *source, const struct source_stretch *stretch, size_t want,
                   source_visit *visit, void *context)
{
    uint32_t entry_bytes = stretch->region.entry_bytes;
    if (entry_bytes == 0 || entry_bytes > CHUNK_BYTES)
        return -EBADMSG;
    struct pass pass = {.source = source,
                        .entry_bytes = entry_bytes,
                        .chunk = malloc(CHUNK_BYTES),
                        .again = source->changing ? malloc(CHUNK_BYTES) : NULL,
                        .want = want,
                        .entry = calloc(1, want),
                        .visit = visit,
                        .context = context};
    int outcome = -ENOMEM;
    if (pass.chunk && pass.entry && (pass.again || !source->changing))
        outcome = visit_all(&pass, stretch);
    free(pass.chunk);
    free(pass.again);
    free(pass.entry);
    return outcome;
}

uint64_t source_fitting(const struct source *source, const struct trace_region *region,
                        uint64_t count)
{
    uint64_t bytes = source->bytes > region->offset ? source->bytes - region->offset : 0;
    uint64_t there = region->entry_bytes ? bytes / region->entry_bytes : 0;
    return count < there ? count : there;
}
