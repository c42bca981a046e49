/* maptrace run for Go programs: the agent is in them from their first instruction on. */
#ifndef MAPTRACE_LAUNCHER_GO_RUN_H
#define MAPTRACE_LAUNCHER_GO_RUN_H

#include <stdbool.h>

#include "launcher/child.h"
#include "launcher/go_collection.h"
#include "launcher/run_wish.h"

/*
 * Has Go's runtime overwrite memory that it frees: so a map that is in use is told from one
 * that is not. What the user set has precedence. 0 or -ENOMEM.
 */
int go_run_environment(struct environment *environment);

/*
 * Lets CHILD through its gate with the agent in it. If that cannot be done it runs without,
 * all is said, and the answer is false.
 */
bool go_run_begin(struct go_collection *collection, const struct child *child,
                  const struct run_wish *wish);

/* A child_look for child_wait(). */
unsigned go_run_look(void *collection);

#endif
