#include "launcher/go_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "golang/inject.h"
#include "golang/start.h"
#include "launcher/complain.h"
#include "launcher/go_settings.h"

static const char *why_not(const struct go_target *target, int error)
{
    if (*target->why_not)
        return target->why_not;
    return error == -ENOENT ? "no Go runtime is found in it" : strerror(-error);
}

static int begin(struct go_collection *collection, const struct child *child,
                 const struct run_wish *wish)
{
    struct go_target *target = &collection->target;
    const char *ring = environment_get(&wish->environment, "MAPTRACE_RING");
    int error = go_target_start(target, child->pid, child->gate, go_collection_ring(ring));

    if (error && error != -ESRCH)
        complain("%s: its Go maps cannot be traced: %s", wish->command[0], why_not(target, error));
    if (error)
        return error;
    target->liveness = go_settings_clobber(&wish->environment);
    error = go_collection_begin(collection, wish->command);
    if (error)
        go_target_release(target);
    return error;
}

struct go_collection *go_run_begin(const struct child *child, const struct run_wish *wish,
                                   const char *path)
{
    struct go_collection *collection = calloc(1, sizeof *collection);

    if (collection && (collection->path = strdup(path))) {
        if (begin(collection, child, wish) == 0)
            return collection;
        go_target_close(&collection->target);
        free(collection->path);
    } else {
        complain("%s", strerror(ENOMEM));
    }
    free(collection);
    return NULL;
}
