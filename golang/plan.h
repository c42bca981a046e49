/*
 * Where the agent is to be entered in a Go program: which instructions are
 * replaced, by what, and what stood there. Made from the program's own code, which
 * must look exactly as known compilers make it; nothing is written here.
 *
 * Known: Go 1.17 to 1.24 for classic maps, 1.24 to 1.26 for Swiss maps, amd64.
 */
#ifndef MAPTRACE_GOLANG_PLAN_H
#define MAPTRACE_GOLANG_PLAN_H

#include "golang/agent.h"
#include "golang/functions.h"

enum { GO_PATCHES_MOST = 16 };

struct go_patch {
    struct go_code_patch code;
    const unsigned char *entry; /* of the agent, in our own copy of it */
};

struct go_plan {
    struct go_patch patches[GO_PATCHES_MOST];
    size_t count;
    unsigned hooks;                      /* enum go_hook */
    uint64_t system_call;                /* a `syscall` instruction of the program's; 0: none */
    char why_not[256];                   /* a sentence for each hook that is missing */
    struct go_agent_constants constants; /* but magic and mask */
};

/*
 * Returns 0, or -ENOTSUP with a reason in why_not if the program's maps cannot be
 * traced; -errno else. The plan may lack hooks that are no necessity.
 */
int go_plan_make(const struct memory *memory, const struct go_program *program,
                 const struct go_functions *functions, struct go_plan *plan);

/* Computes what is to be written, with the agent at ADDRESS. -ERANGE if that is too far away. */
int go_plan_place(struct go_plan *plan, uint64_t address);

#endif
