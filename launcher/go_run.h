/* maptrace run's collector for a Go program: the agent in it, and what drains its ring. */
#ifndef MAPTRACE_LAUNCHER_GO_RUN_H
#define MAPTRACE_LAUNCHER_GO_RUN_H

#include <pthread.h>
#include <stdbool.h>

#include "golang/collector.h"
#include "golang/target.h"
#include "launcher/child.h"
#include "launcher/run_wish.h"

struct go_run {
    struct go_target target;
    struct go_collector *collector;
    pthread_t launcher, watcher;
};

/*
 * Has Go's runtime overwrite memory that it frees: so a map that is in use is told from one
 * that is not. What the user set has precedence. 0 or -ENOMEM.
 */
int go_run_environment(struct environment *environment);

/*
 * Lets CHILD through its gate with the agent in it. If that cannot be done it runs without,
 * all is said, and the answer is false.
 */
bool go_run_begin(struct go_run *run, const struct child *child, const struct run_wish *wish);
/* For child_wait(). */
unsigned go_run_look(void *run);
/* When the child has ended. */
void go_run_end(struct go_run *run, int wait_status);

#endif
