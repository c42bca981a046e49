#include "launcher/go_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golang/inject.h"
#include "golang/start.h"
#include "launcher/complain.h"
#include "launcher/trace_path.h"

#define SETTINGS "GODEBUG"
#define SETTING "clobberfree="

int go_run_environment(struct environment *environment)
{
    /* The last one of a name counts. */
    return environment_prepend(environment, SETTINGS, SETTING "1", ',');
}

/* True if the last mention of the setting switches it on. */
static bool clobbers(const struct environment *environment)
{
    const char *settings = environment_get(environment, SETTINGS), *at;
    bool on = false;

    for (at = settings; at && (at = strstr(at, SETTING)); at++)
        if (at == settings || at[-1] == ',')
            on = at[sizeof SETTING - 1] == '1';
    return on;
}

static int begin_collection(struct go_collection *collection, const struct run_wish *wish)
{
    char *path = trace_path(wish->output, collection->target.pid, wish->command[0]);
    int error = -ENOMEM;

    collection->target.liveness = clobbers(&wish->environment);
    if (path)
        error = go_collection_begin(collection, path, wish->command);
    else
        complain("%s", strerror(ENOMEM));
    free(path);
    if (error)
        go_target_release(&collection->target);
    return error;
}

bool go_run_begin(struct go_collection *collection, const struct child *child,
                  const struct run_wish *wish)
{
    struct go_target *target = &collection->target;
    const char *ring = environment_get(&wish->environment, "MAPTRACE_RING");
    int error = go_target_start(target, child->pid, child->gate, go_collection_ring(ring));

    if (error == -ENOENT)
        complain("%s: its Go maps cannot be traced: no Go runtime is found in it",
                 wish->command[0]);
    else if (error && *target->why_not)
        complain("%s: its Go maps cannot be traced: %s", wish->command[0], target->why_not);
    if (!error)
        error = begin_collection(collection, wish);
    if (error)
        go_target_close(target);
    return !error;
}

unsigned go_run_look(void *collection)
{
    return go_collection_look(collection);
}
