/* A Go program with our agent in it, and the trace that is written of it meanwhile. */
#ifndef MAPTRACE_LAUNCHER_GO_COLLECTION_H
#define MAPTRACE_LAUNCHER_GO_COLLECTION_H

#include <pthread.h>

#include "golang/collector.h"
#include "golang/target.h"

struct go_collection {
    struct go_target target; /* filled by the caller, with the agent in it */
    struct go_collector *collector;
    char *path; /* of the trace: the caller's to free */
    pthread_t launcher, watcher;
};

/*
 * Begins the trace collection->path. From here on the calling thread gets SIGCHLD, which it holds,
 * when the program comes to its end and waits: go_collection_look() is due then. 0 or -errno, and
 * the reason is said.
 */
int go_collection_begin(struct go_collection *collection, char *const *command);

/* Takes what has happened. Answers after how many milliseconds it is due again. */
unsigned go_collection_look(struct go_collection *collection);

/* WAIT_STATUS: how the program ended; -1: it runs on, or that is not known. Closes the target. */
void go_collection_end(struct go_collection *collection, int wait_status);

/* How many bytes of events wait for us at most: MAPTRACE_RING, as it is in the environment. */
uint64_t go_collection_ring(const char *wish);

#endif
