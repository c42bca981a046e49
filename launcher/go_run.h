/* maptrace run for Go programs: the agent is in them from their first instruction on. */
#ifndef MAPTRACE_LAUNCHER_GO_RUN_H
#define MAPTRACE_LAUNCHER_GO_RUN_H

#include "launcher/child.h"
#include "launcher/go_collection.h"
#include "launcher/run_wish.h"

/*
 * Lets CHILD through its gate with the agent in it. If that cannot be done it runs without,
 * all is said, and the answer is NULL. PATH: of the trace.
 */
struct go_collection *go_run_begin(const struct child *child, const struct run_wish *wish,
                                   const char *path);

#endif
