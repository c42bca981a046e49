/* What agent.S writes down as numbers is what the headers say. */
#include "golang/agent_layout.h"
#include "golang/agent.h"
#include "golang/ring.h"

#define SAME(number, structure, member)                                                            \
    _Static_assert((number) == offsetof(struct structure, member), #member)

SAME(GO_AGENT_MAGIC, go_agent_constants, magic);
SAME(GO_AGENT_MASK, go_agent_constants, mask);
SAME(GO_AGENT_HASH_GROW, go_agent_constants, hash_grow);
SAME(GO_AGENT_MOVED_FLAG, go_agent_constants, moved_flag);
SAME(GO_AGENT_MOVED_NEXT, go_agent_constants, moved_next);
SAME(GO_AGENT_CLEARED_FLAG, go_agent_constants, cleared_flag);
SAME(GO_AGENT_CLEARED_NEXT, go_agent_constants, cleared_next);
SAME(GO_AGENT_EXIT_NEXT, go_agent_constants, exit_next);
SAME(GO_AGENT_EXIT_WAIT, go_agent_constants, exit_wait);
SAME(GO_AGENT_SWISS_GROW, go_agent_constants, swiss_grow);
SAME(GO_AGENT_SWISS_SPLIT, go_agent_constants, swiss_split);
SAME(GO_AGENT_SIGNALS, go_agent_constants, signals);
SAME(GO_AGENT_NEAR, go_agent_constants, near);
SAME(GO_AGENT_BYTES, go_agent_constants, end);
SAME(CLAIMED, go_ring_header, claimed);
SAME(EXITING, go_ring_header, exiting);
SAME(WATCHER, go_ring_header, watcher);
SAME(EXIT_STATUS, go_ring_header, exit_status);
SAME(DRAINED, go_ring_header, drained);
SAME(REFUSED, go_ring_header, refused);
SAME(EVENT_TSC, go_event, tsc);
SAME(EVENT_KIND, go_event, kind);
SAME(EVENT_FRAMES, go_event, frames);
SAME(EVENT_GOROUTINE, go_event, goroutine);
SAME(EVENT_HMAP, go_event, hmap);
SAME(EVENT_MAPTYPE, go_event, maptype);
SAME(EVENT_COUNT, go_event, count);
SAME(EVENT_FLAGS, go_event, flags);
SAME(EVENT_BUCKETS, go_event, buckets);
SAME(EVENT_OLDBUCKETS, go_event, oldbuckets);
SAME(EVENT_NEVACUATE, go_event, nevacuate);
SAME(EVENT_PC, go_event, pc);
_Static_assert(FIRST_EVENT == GO_RING_HEADER_BYTES && 1 << EVENT_SHIFT == sizeof(struct go_event),
               "where event N is");
_Static_assert(FRAMES == GO_EVENT_FRAMES, "frames");
_Static_assert(GROW == GO_EVENT_GROW && MOVED == GO_EVENT_MOVED && CLEARED == GO_EVENT_CLEARED &&
                   SWISS_GROW == GO_EVENT_SWISS_GROW && SWISS_SPLIT == GO_EVENT_SWISS_SPLIT,
               "kinds");
