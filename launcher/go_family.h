/*
 * The Go programs that the command of `maptrace run` starts in its turn: attached to when
 * they have lived for a moment, each with a trace of its own, unless the library is in them,
 * which does the same from within. Shorter lives than that cannot hold a stuck map, as --stall
 * is by default. The command itself is one of them where the library was to be in it.
 */
#ifndef MAPTRACE_LAUNCHER_GO_FAMILY_H
#define MAPTRACE_LAUNCHER_GO_FAMILY_H

#include "launcher/go_collection.h"
#include "launcher/processes.h"
#include "launcher/untraced.h"

struct go_family {
    struct processes processes;
    const char *trace; /* of the command; others get .PID after it */
    uint64_t ring_bytes;
    uint64_t looked_ns; /* when the processes were looked at last */
    struct program_set complained;
    bool skip_command; /* that it cannot be traced is known */
    bool blind;        /* there was a Go program that could not be traced, which is said */
};

/*
 * COMMAND is the first process; FIRST, if it is not NULL, is its own collection, which is
 * the family's from now on. 0 or -ENOMEM.
 */
int go_family_begin(struct go_family *family, pid_t command, struct go_collection *first);

/* A child_look for child_wait(). */
unsigned go_family_look(void *family);

/* The command ended with WAIT_STATUS. Those that outlive it are let go. */
void go_family_end(struct go_family *family, int wait_status);

#endif
