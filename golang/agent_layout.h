/* struct go_ring_header, struct go_event and enum go_event_kind (ring.h), for agent.S. */
#ifndef MAPTRACE_GOLANG_AGENT_LAYOUT_H
#define MAPTRACE_GOLANG_AGENT_LAYOUT_H

#define CLAIMED 64
#define EXITING 128
#define WATCHER 132
#define EXIT_STATUS 136
#define DRAINED 192
#define REFUSED 200
#define FIRST_EVENT 4096
#define EVENT_SHIFT 8
#define EVENT_TSC 8
#define EVENT_KIND 16
#define EVENT_FRAMES 20
#define EVENT_GOROUTINE 24
#define EVENT_HMAP 32
#define EVENT_MAPTYPE 40
#define EVENT_COUNT 48
#define EVENT_FLAGS 56
#define EVENT_BUCKETS 64
#define EVENT_OLDBUCKETS 72
#define EVENT_NEVACUATE 80
#define EVENT_PC 88
#define FRAMES 21
#define GROW 1
#define MOVED 2
#define CLEARED 3
#define SWISS_GROW 4
#define SWISS_SPLIT 5

#endif
