#define _GNU_SOURCE
#include "golang/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

enum { NEAR_MOST = 4096, CAPACITY_LEAST = 256, CAPACITY_MOST = 1 << 24, TRIES = 5 };

/* On an event that nobody finishes: whose thread waits for a processor, or for memory. */
static const uint64_t GIVE_UP_NS = 10000000000, GIVE_UP_FULL_NS = 1000000000;
static const uint64_t LINE_NS = 1000000000; /* what a line is drawn through, at least */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The best of a few: this thread may lose the processor between one clock and the other. */
static struct go_moment moment_now(void)
{
    struct go_moment best = {0};
    uint64_t narrowest = UINT64_MAX;

    for (int i = 0; i < TRIES; i++) {
        uint64_t before = now_ns(), tsc = __rdtsc(), after = now_ns();
        if (after - before < narrowest) {
            narrowest = after - before;
            best = (struct go_moment){tsc, before + narrowest / 2};
        }
    }
    return best;
}

static void look_at_clock(struct go_ring *ring)
{
    struct go_moment now = moment_now();

    if (ring->after.ns - ring->before.ns >= LINE_NS)
        ring->before = ring->after;
    ring->after = now;
    const struct go_moment *before = &ring->before;
    ring->slope =
        now.tsc > before->tsc
            ? (uint64_t)(((unsigned __int128)(now.ns - before->ns) << 32) / (now.tsc - before->tsc))
            : 0;
}

/* Time stamps can be from before the line's first moment: of another thread, or not drained then.
 */
static uint64_t to_ns(const struct go_ring *ring, uint64_t tsc)
{
    if (ring->slope == 0)
        return ring->after.ns;
    __int128 run = (int64_t)(tsc - ring->before.tsc);
    return ring->before.ns + (uint64_t)(run * (int64_t)ring->slope >> 32);
}

uint64_t go_ring_capacity(uint64_t bytes)
{
    uint64_t capacity = CAPACITY_LEAST;

    while (capacity < CAPACITY_MOST && 2 * capacity * sizeof(struct go_event) <= bytes)
        capacity *= 2;
    return capacity;
}

uint64_t go_ring_near(uint64_t capacity)
{
    return capacity < NEAR_MOST ? capacity : NEAR_MOST;
}

static size_t events_bytes(uint64_t capacity)
{
    return (go_ring_near(capacity) + capacity) * sizeof(struct go_event);
}

size_t go_ring_bytes(uint64_t capacity)
{
    return GO_RING_HEADER_BYTES + events_bytes(capacity);
}

void go_ring_make(struct go_ring *ring, void *memory, uint64_t capacity)
{
    *ring = (struct go_ring){0};
    ring->header = memory;
    ring->events = (const void *)((char *)memory + GO_RING_HEADER_BYTES);
    ring->capacity = capacity;
    *ring->header = (struct go_ring_header){
        .header_bytes = GO_RING_HEADER_BYTES,
        .event_bytes = sizeof(struct go_event),
        .capacity = capacity,
        .watcher = GO_WATCHER_TO_COME,
    };
    memcpy(ring->header->magic, GO_RING_MAGIC, sizeof ring->header->magic);
    ring->before = ring->after = moment_now();
}

int go_ring_open(struct go_ring *ring, int fd, uint64_t capacity)
{
    size_t bytes = go_ring_bytes(capacity);

    *ring = (struct go_ring){0};
    if (ftruncate(fd, (off_t)bytes) != 0)
        return -errno;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    go_ring_make(ring, memory, capacity);
    return 0;
}

void go_ring_close(struct go_ring *ring)
{
    if (ring->header) {
        madvise((void *)ring->events, events_bytes(ring->capacity), MADV_REMOVE);
        munmap(ring->header, go_ring_bytes(ring->capacity));
    }
    *ring = (struct go_ring){0};
}

static uint64_t claimed(const struct go_ring *ring)
{
    return __atomic_load_n(&ring->header->claimed, __ATOMIC_ACQUIRE);
}

enum taken { TAKEN, UNFINISHED, WRITTEN_OVER };

static bool is_next(const struct go_ring *ring, const struct go_event *event)
{
    return __atomic_load_n(&event->sequence, __ATOMIC_ACQUIRE) == ring->next + 1;
}

/* Copies event `next`. */
static enum taken take(const struct go_ring *ring, struct go_event *copy)
{
    const uint64_t near = go_ring_near(ring->capacity);
    const struct go_event *event = &ring->events[ring->next & (near - 1)];

    if (!is_next(ring, event))
        event = &ring->events[near + (ring->next & (ring->capacity - 1))];
    bool whole = is_next(ring, event);

    /* Most events have few frames: what is not touched need not come from another core's cache. */
    memcpy(copy, event, offsetof(struct go_event, pc));
    if (copy->frames > GO_EVENT_FRAMES)
        copy->frames = GO_EVENT_FRAMES;
    memcpy(copy->pc, event->pc, copy->frames * sizeof *copy->pc);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (claimed(ring) - ring->next > ring->capacity)
        return WRITTEN_OVER;
    if (!whole)
        return UNFINISHED;
    return TAKEN;
}

static void skip(struct go_ring *ring, uint64_t events)
{
    ring->lost += events;
    ring->next += events;
    ring->stuck_ns = 0;
}

/* True if event `next`, which is not finished, was given up. */
static bool give_up(struct go_ring *ring, bool last)
{
    if (!last && ring->stuck_ns == 0)
        ring->stuck_ns = ring->after.ns;
    bool fills = claimed(ring) - ring->next > ring->capacity / 2;
    if (!last && ring->after.ns - ring->stuck_ns < (fills ? GIVE_UP_FULL_NS : GIVE_UP_NS))
        return false;
    skip(ring, 1);
    return true;
}

static size_t drain(struct go_ring *ring, bool last, go_event_seen *seen, void *context)
{
    uint64_t end = claimed(ring);
    size_t count = 0;
    struct go_event event;

    while (ring->next != end) {
        switch (take(ring, &event)) {
        case TAKEN:
            ring->next++;
            ring->stuck_ns = 0;
            count++;
            seen(context, &event, to_ns(ring, event.tsc));
            break;
        case WRITTEN_OVER:
            end = claimed(ring);
            skip(ring, end - ring->next - ring->capacity);
            break;
        case UNFINISHED:
            if (!give_up(ring, last))
                return count;
            break;
        }
    }
    return count;
}

size_t go_ring_drain(struct go_ring *ring, bool last, go_event_seen *seen, void *context)
{
    uint64_t refused = __atomic_load_n(&ring->header->refused, __ATOMIC_RELAXED);

    look_at_clock(ring);
    size_t count = drain(ring, last, seen, context);
    ring->lost += refused - ring->refused;
    ring->refused = refused;
    __atomic_store_n(&ring->header->drained, ring->next, __ATOMIC_RELEASE);
    return count;
}
