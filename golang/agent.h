/*
 * The agent: code that is copied into a Go program. Read by agent.S as well.
 *
 * It is entered by jumps where the runtime called or tested something else (see
 * plan.h), with the runtime's registers, and goes on as the runtime would have.
 * It has no stack, calls nothing, and never faults: what it reads are the map that
 * the runtime has just used, and the goroutine's own stack within its bounds.
 */
#ifndef MAPTRACE_GOLANG_AGENT_H
#define MAPTRACE_GOLANG_AGENT_H

/* Where in struct go_agent_constants a thing stands; 8 bytes each. */
#define GO_AGENT_MAGIC 0
#define GO_AGENT_MASK 8
#define GO_AGENT_HASH_GROW 16
#define GO_AGENT_MOVED_FLAG 24
#define GO_AGENT_MOVED_NEXT 32
#define GO_AGENT_CLEARED_FLAG 40
#define GO_AGENT_CLEARED_NEXT 48
#define GO_AGENT_EXIT_NEXT 56
#define GO_AGENT_EXIT_WAIT 64 /* a struct timespec */
#define GO_AGENT_SWISS_GROW 80
#define GO_AGENT_SWISS_SPLIT 88
#define GO_AGENT_SIGNALS 96
#define GO_AGENT_NEAR 104
#define GO_AGENT_BYTES 112

/* From the constants to struct go_agent_data, of which the agent reads the first word. */
#define GO_AGENT_DATA 4096

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* At the beginning of the copy. All are addresses in the target, but the first two, EXIT_WAIT and
 * NEAR.
 */
struct go_agent_constants {
    char magic[8];
    uint64_t mask; /* capacity of the ring - 1 */
    uint64_t hash_grow;
    uint64_t moved_flag; /* runtime.writeBarrier, which the replaced instruction tests */
    uint64_t moved_next; /* the instruction after it */
    uint64_t cleared_flag, cleared_next;
    uint64_t exit_next;    /* the system call */
    uint64_t exit_wait[2]; /* how long to wait for the watcher at most */
    uint64_t swiss_grow, swiss_split;
    uint64_t signals; /* all of them */
    uint64_t near;    /* places of the ring's near part */
    char end[];
};

/* The code, constants first, and its entries. */
extern const unsigned char go_agent_begin[], go_agent_end[];
extern const unsigned char go_agent_grow[], go_agent_moved[], go_agent_cleared[], go_agent_exit[];
extern const unsigned char go_agent_swiss_grow[], go_agent_swiss_split[];
#endif

#endif
