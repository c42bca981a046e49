#include "launcher/go_collection.h"

#include <signal.h>
#include <string.h>

#include "analyzer/units.h"
#include "golang/inject.h"
#include "launcher/complain.h"

static const uint64_t RING_BYTES = 16 << 20;

uint64_t go_collection_ring(const char *wish)
{
    uint64_t bytes;

    return wish && *wish && units_read_size(wish, &bytes) == 0 ? bytes : RING_BYTES;
}

/* The program waits at its end: the launcher, which waits for signals, is to look at once. */
static void wake_launcher(void *context)
{
    struct go_collection *collection = context;

    pthread_kill(collection->launcher, SIGCHLD);
}

static void *watch(void *context)
{
    struct go_collection *collection = context;

    go_target_watch(&collection->target, wake_launcher, collection);
    return NULL;
}

int go_collection_begin(struct go_collection *collection, char *const *command)
{
    int error =
        go_collector_open(&collection->collector, &collection->target, collection->path, command);

    if (!error) {
        collection->launcher = pthread_self();
        error = -pthread_create(&collection->watcher, NULL, watch, collection);
        if (error)
            go_collector_close(collection->collector, -1);
    }
    if (error)
        complain("%s: %s", collection->path, strerror(-error));
    return error;
}

unsigned go_collection_look(struct go_collection *collection)
{
    unsigned pause = go_collector_poll(collection->collector);

    if (go_collector_has_looked(collection->collector))
        go_target_release(&collection->target);
    return pause;
}

void go_collection_end(struct go_collection *collection, int wait_status)
{
    go_target_release(&collection->target);
    pthread_join(collection->watcher, NULL);
    int error = go_collector_close(collection->collector, wait_status);
    if (error)
        complain("the trace is incomplete: %s", strerror(-error));
    go_target_close(&collection->target);
}
