/*
 * A child in the launcher's own process group, for which the launcher stands
 * in: signals that reach the launcher alone reach the child, and when the child
 * is stopped from the terminal the launcher stops, so that a shell sees it.
 */
#ifndef MAPTRACE_LAUNCHER_CHILD_H
#define MAPTRACE_LAUNCHER_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "launcher/environment.h"

struct child {
    pid_t pid;
    int gate;      /* see child_start(); -1: there is none */
    sigset_t mask; /* the launcher's own, while the child runs */
    struct sigaction on_child, on_pipe;
};

/*
 * Starts ARGV, searched for in PATH, with ENVIRONMENT. Returns 0 or -errno.
 * When it cannot be executed the child says so on stderr and ends with 127 (not
 * found) or 126. From here to child_wait() signals are held for the child.
 *
 * TRACE, if it is not NULL, is a pattern as in MAPTRACE_OUTPUT: the launcher itself writes
 * the trace of this program, so those that it starts are told what they descend from; and
 * it executes nothing before it has got a byte through the pipe `gate`.
 */
int child_start(struct child *child, char **argv, struct environment *environment,
                const char *trace);

/*
 * Waits for the end of the child: a wait status. The launcher's signals are its own again.
 * Meanwhile LOOK, if it is not NULL, is called after so many milliseconds as it answered
 * the last time, and whenever this process gets SIGCHLD.
 */
typedef unsigned child_look(void *context);
int child_wait(struct child *child, child_look *look, void *context);

/* The exit status by which a shell would know this wait status. */
int child_exit_status(int wait_status);

#endif
