/*
 * The agent's two pages in a program: a copy of its code, and its data. What is written
 * into them, and how an agent is found whose owner has left it behind.
 *
 * The data page is to be wiped in the child of a fork (MADV_WIPEONFORK): then the agent
 * there, whose events nobody would drain, has no ring and records nothing.
 */
#ifndef MAPTRACE_GOLANG_AGENT_PAGES_H
#define MAPTRACE_GOLANG_AGENT_PAGES_H

#include "golang/plan.h"

enum { GO_AGENT_PAGES_BYTES = 2 * GO_AGENT_DATA };

/* At GO_AGENT_DATA. */
struct go_agent_data {
    uint64_t ring; /* its header in the program; 0: nothing is recorded */
    uint64_t ring_bytes;
    uint64_t owner_start; /* field 22 of /proc/OWNER/stat: with the pid it tells who it is */
    uint32_t owner;       /* who drains the ring */
    uint32_t count;       /* of patches */
    struct go_code_patch patches[GO_PATCHES_MOST];
};

/* What the two pages are to begin with; the rest of each stays zero. 0, or -E2BIG. */
int go_agent_fill(const struct go_plan *plan, uint64_t capacity, char code[GO_AGENT_DATA],
                  size_t *bytes);
void go_agent_describe(struct go_agent_data *data, const struct go_plan *plan, uint64_t ring,
                       uint64_t ring_bytes, pid_t owner, uint64_t owner_start);

/* True if code of the program in MEMORY leads into an agent: FOUND is what its data say. */
bool go_agent_find(const struct memory *memory, struct go_agent_data *found);

#endif
