/* maptrace attach: records the maps of a Go program that runs already. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "golang/attach.h"
#include "golang/inject.h"
#include "launcher/complain.h"
#include "launcher/go_collection.h"
#include "launcher/go_settings.h"
#include "launcher/options.h"
#include "launcher/pid.h"
#include "launcher/subcommands.h"
#include "launcher/trace_path.h"

static const struct launcher_option options[] = {
    {"output", 'o', "FILE", "the trace; default: $MAPTRACE_OUTPUT, else trace.bin"},
    {"help", 'h', NULL, "print this"},
    {0},
};

static void usage(FILE *out)
{
    fputs("usage: maptrace attach [OPTION]... PID\n\n", out);
    options_help(options, out);
    fputs("\nRecords the maps of the Go program PID until it ends, or until SIGINT (Ctrl-C),\n"
          "SIGTERM or SIGHUP; then its code is as it was before. The exit status is 0; 2 for a\n"
          "wrong command line; 125 when it cannot be traced.\n",
          out);
}

/* Signals are taken with sigtimedwait(), and inherited by the thread that watches. */
static sigset_t hold_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&held, numbers[i]);
    sigprocmask(SIG_BLOCK, &held, NULL);
    return held;
}

static bool ended(int process)
{
    struct pollfd look = {.fd = process, .events = POLLIN};

    return poll(&look, 1, 0) > 0;
}

/* True if the program has ended, false if somebody wants us to go. */
static bool collect(struct go_collection *collection, int process, const sigset_t *held)
{
    for (;;) {
        unsigned pause = go_collection_look(collection);
        struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000l};
        int number = sigtimedwait(held, NULL, &time);

        if (number > 0 && number != SIGCHLD)
            return false;
        if (ended(process))
            return true;
    }
}

/* A wait status; -1: not known. */
static int end_of(const struct go_target *target)
{
    return go_target_exiting(target) ? (int)(target->ring.header->exit_status & 0xff) << 8 : -1;
}

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static int detach(struct go_target *target)
{
    int error = go_target_detach(target);

    if (error && error != -ESRCH) {
        complain("process %d keeps the agent: %s", (int)target->pid, target->why_not);
        return EXIT_CANNOT_RUN;
    }
    if (!error)
        complain("detached from process %d, which stood still for %.1f ms", (int)target->pid,
                 milliseconds(target->stopped_ns));
    return 0;
}

static int record(struct go_collection *collection, int process, const sigset_t *held)
{
    struct go_target *target = &collection->target;
    int status = 0, wait_status = -1;

    target->liveness = go_settings_clobber_of(target->pid);
    if (go_collection_begin(collection, NULL) != 0) {
        detach(target);
        go_target_close(target);
        return EXIT_CANNOT_RUN;
    }
    complain("recording process %d, which stood still for %.1f ms, to %s", (int)target->pid,
             milliseconds(target->stopped_ns), collection->path);
    if (collect(collection, process, held))
        wait_status = end_of(target);
    else
        status = detach(target);
    go_collection_end(collection, wait_status);
    return status;
}

static const char *why_not(const struct go_target *target, int error)
{
    if (*target->why_not)
        return target->why_not;
    switch (error) {
    case -ESRCH:
        return "there is no such process";
    case -ENOEXEC:
        return "it has no memory to look at: a kernel thread, or a process that has ended";
    case -ENOENT:
        return "it is not a Go program (other programs can be started with maptrace run)";
    default:
        return strerror(-error);
    }
}

static int attach(pid_t pid, const char *pattern)
{
    struct go_collection collection;
    struct go_target *target = &collection.target;
    sigset_t held = hold_signals();
    int process = (int)syscall(SYS_pidfd_open, pid, 0), status = EXIT_CANNOT_RUN;
    int error = process < 0 ? -errno : 0;

    *target = (struct go_target){.pid = pid, .memory.fd = -1};
    if (!error)
        error = go_target_attach(target, pid, go_collection_ring(getenv("MAPTRACE_RING")));
    if (error) {
        complain("process %d cannot be traced: %s", (int)pid, why_not(target, error));
        go_target_close(target);
    } else {
        char *path = trace_path(pattern, pid, target->memory.program);
        collection.path = path ? path : (char *)pattern;
        status = record(&collection, process, &held);
        free(path);
    }
    if (process >= 0)
        close(process);
    return status;
}

int attach_main(int argc, char **argv)
{
    const char *value, *output = NULL;
    int key, rest;

    while ((key = options_next(options, argc, argv, &value, &rest)) != OPTIONS_END) {
        if (key == 'h') {
            usage(stdout);
            return 0;
        }
        if (key != 'o')
            return EXIT_USAGE;
        output = value;
    }
    if (rest + 1 != argc) {
        complain("attach: one process id is wanted");
        usage(stderr);
        return EXIT_USAGE;
    }
    pid_t pid = pid_read(argv[rest]);
    if (pid < 0)
        return EXIT_USAGE;
    if (!output)
        output = getenv("MAPTRACE_OUTPUT");
    return attach(pid, output && *output ? output : "trace.bin");
}
