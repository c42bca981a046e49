#include "launcher/go_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/units.h"
#include "golang/inject.h"
#include "golang/start.h"
#include "launcher/complain.h"
#include "launcher/trace_path.h"

#define SETTINGS "GODEBUG"
#define SETTING "clobberfree="

static const uint64_t RING_BYTES = 16 << 20;

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

static uint64_t ring_bytes(const struct environment *environment)
{
    const char *wanted = environment_get(environment, "MAPTRACE_RING");
    uint64_t bytes;

    return wanted && *wanted && units_read_size(wanted, &bytes) == 0 ? bytes : RING_BYTES;
}

/* The program waits at its end: the launcher, which waits for signals, is to look at once. */
static void *watch(void *context)
{
    struct go_run *run = context;

    go_target_wait(&run->target);
    pthread_kill(run->launcher, SIGCHLD);
    return NULL;
}

static int begin_collection(struct go_run *run, const struct run_wish *wish)
{
    char *path = trace_path(wish->output, run->target.pid, wish->command[0]);
    int error = path ? 0 : -ENOMEM;

    run->target.liveness = clobbers(&wish->environment);
    if (!error)
        error = go_collector_open(&run->collector, &run->target, path, wish->command);
    if (error)
        complain("%s: %s", path ? path : wish->output, strerror(-error));
    free(path);
    if (error)
        return error;
    run->launcher = pthread_self();
    error = -pthread_create(&run->watcher, NULL, watch, run);
    if (error)
        go_collector_close(run->collector, -1);
    return error;
}

bool go_run_begin(struct go_run *run, const struct child *child, const struct run_wish *wish)
{
    int error =
        go_target_start(&run->target, child->pid, child->gate, ring_bytes(&wish->environment));

    if (error == -ENOENT)
        complain("%s: its Go maps cannot be traced: no Go runtime is found in it",
                 wish->command[0]);
    else if (error && *run->target.why_not)
        complain("%s: its Go maps cannot be traced: %s", wish->command[0], run->target.why_not);
    if (!error && begin_collection(run, wish) != 0) {
        go_target_release(&run->target);
        error = -EIO;
    }
    if (error)
        go_target_close(&run->target);
    return !error;
}

unsigned go_run_look(void *context)
{
    struct go_run *run = context;
    bool exiting = go_target_exiting(&run->target);
    unsigned pause = go_collector_poll(run->collector);

    if (exiting)
        go_target_release(&run->target);
    return pause;
}

void go_run_end(struct go_run *run, int wait_status)
{
    go_target_wake(&run->target);
    pthread_join(run->watcher, NULL);
    int error = go_collector_close(run->collector, wait_status);
    if (error)
        complain("the trace is incomplete: %s", strerror(-error));
    go_target_close(&run->target);
}
