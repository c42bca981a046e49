/*
 * What the agent in a Go program and the launcher share: a header and a ring of
 * events, in one piece of memory that belongs to no file. Laid out here for
 * both; golang/agent.S is the only one that writes events.
 *
 * A writer claims an event by adding one to `claimed`, fills it, and stores its
 * sequence last. It never waits: while the ring is full it writes nothing and
 * counts that in `refused`. Several that find the last place free at once may
 * write over what was not drained yet. amd64 keeps the order of stores, so a copy
 * of event N is whole if its sequence was N + 1 before and `claimed` is at most
 * N + capacity after.
 *
 * The events have two parts. While the launcher keeps up, so that event N - near is
 * drained when event N is claimed, only the first, the near one is used: little
 * memory, which stays in the processor's cache. Else event N goes to the far one. It
 * is in one of the two places where its sequence says so.
 */
#ifndef MAPTRACE_GOLANG_RING_H
#define MAPTRACE_GOLANG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GO_RING_MAGIC "MAPTRGO1"
#define GO_EVENT_FRAMES 21

enum go_event_kind {
    GO_EVENT_GROW = 1,        /* hashGrow is entered: a resize begins */
    GO_EVENT_MOVED = 2,       /* the last old bucket has moved; oldbuckets is about to become nil */
    GO_EVENT_CLEARED = 3,     /* mapclear is about to drop oldbuckets, if there are any */
    GO_EVENT_SWISS_GROW = 4,  /* a table of a Swiss map is replaced by one twice its size */
    GO_EVENT_SWISS_SPLIT = 5, /* a table of a Swiss map is replaced by two */
};

/*
 * The fields of the map are those of the hmap when the event was written; for a
 * Swiss event they are 0, and `hmap` is the map's (Map), `buckets` the table's address.
 */
struct go_event {
    uint64_t sequence;  /* its number + 1, written last */
    uint64_t tsc;       /* processor time stamp */
    uint32_t kind;      /* enum go_event_kind */
    uint32_t frames;    /* of pc[] */
    uint64_t goroutine; /* address of its g: reused when the goroutine has ended */
    uint64_t hmap;
    uint64_t maptype;  /* its descriptor; 0: not known (MOVED) */
    uint64_t count;    /* entries */
    uint8_t flags;     /* 8: same-size grow. In GROW that is not decided yet */
    uint8_t log2;      /* B: in GROW of the old array, in MOVED of the new one */
    uint16_t overflow; /* noverflow: of the old array in GROW, of the new one in MOVED */
    uint32_t pad;
    uint64_t buckets;    /* GROW: what becomes the old array. MOVED, CLEARED: the new array */
    uint64_t oldbuckets; /* GROW: nil. MOVED: the old array, now empty. CLEARED: it or nil */
    uint64_t nevacuate;
    /* Return addresses, innermost first: in GROW the first one is in mapassign. */
    uint64_t pc[GO_EVENT_FRAMES];
};
_Static_assert(sizeof(struct go_event) == 256, "agent.S computes with it");

struct go_ring_header {
    char magic[8];
    uint32_t header_bytes; /* from here to the first event */
    uint32_t event_bytes;
    uint64_t capacity; /* events, a power of two */
    uint64_t unused[5];
    /* A cache line of its own: every event writes it. */
    _Alignas(64) uint64_t claimed; /* events ever begun */
    /* The end: a futex each. See golang/target.h. */
    _Alignas(64) uint32_t exiting; /* by the target: it has called exit and waits, a moment only */
    /* Thread of the launcher that looks then, a robust futex; no thread: nobody (any more) does. */
    uint32_t watcher;
    uint32_t exit_status;          /* before exiting is set */
    _Alignas(64) uint64_t drained; /* events that their places can be taken of, by the launcher */
    uint64_t refused;              /* by the target: events for which there was no place */
};

enum { GO_RING_HEADER_BYTES = 4096 };
enum { GO_WATCHER_TO_COME = 1 }; /* of `watcher`: there will be one */

/* One moment on two clocks. */
struct go_moment {
    uint64_t tsc;
    uint64_t ns; /* CLOCK_MONOTONIC */
};

/* The launcher's view. Not for several threads at once. */
struct go_ring {
    struct go_ring_header *header; /* shared with a stranger: read anew, never believed */
    const struct go_event *events;
    uint64_t capacity;
    uint64_t next;                  /* number of the first event that was not drained yet */
    uint64_t lost;                  /* events refused, written over, or never finished */
    uint64_t refused;               /* of these, as the header had it last */
    uint64_t stuck_ns;              /* since when event `next` has been unfinished; 0: it is not */
    struct go_moment before, after; /* what time stamps are converted by: the line through them */
    uint64_t slope;                 /* of that line, ns << 32 a tick */
};

/* EVENT is a copy, of no more frames than it has. NS: CLOCK_MONOTONIC. */
typedef void go_event_seen(void *context, const struct go_event *event, uint64_t ns);

/* Events for a ring of about BYTES: a power of two. */
uint64_t go_ring_capacity(uint64_t bytes);
/* Places of the near part of such a ring. */
uint64_t go_ring_near(uint64_t capacity);
/* Bytes of memory for a ring, header included. */
size_t go_ring_bytes(uint64_t capacity);

/* A ring of CAPACITY events in MEMORY, which is zero and go_ring_bytes(CAPACITY) long. */
void go_ring_make(struct go_ring *ring, void *memory, uint64_t capacity);

/* Maps the ring of CAPACITY events in FD, which it lays out first. 0 or -errno. */
int go_ring_open(struct go_ring *ring, int fd, uint64_t capacity);
/* Gives the memory of the events back, also where the target still maps it. */
void go_ring_close(struct go_ring *ring);

/*
 * Hands over what was finished since, in the order in which it was claimed, and returns how
 * many that were. It stops at an event that a thread has begun and not finished; after
 * a while (or, with LAST, at once) such an event is given up and counted as lost.
 *
 * Time stamps are converted by straight lines between the moments of the drains, so drain
 * at least every few seconds.
 */
size_t go_ring_drain(struct go_ring *ring, bool last, go_event_seen *seen, void *context);

#endif
