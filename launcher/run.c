/* maptrace run: a command with the collector that fits it, and the check after it. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/check.h"
#include "launcher/child.h"
#include "launcher/complain.h"
#include "launcher/elf_check.h"
#include "launcher/go_family.h"
#include "launcher/go_run.h"
#include "launcher/go_settings.h"
#include "launcher/place.h"
#include "launcher/run_wish.h"
#include "launcher/subcommands.h"
#include "launcher/trace_files.h"
#include "launcher/trace_path.h"

/*
 * gcc's AddressSanitizer ends a program in which another library comes before its
 * own. Said before the user's options, which therefore win.
 */
#define ASAN_LETS_US_BE_FIRST "verify_asan_link_order=0"

/* Puts the library into the command's environment. 0, or an exit status. */
static int preload(struct environment *environment)
{
    char *library = place_library();
    int status = EXIT_CANNOT_RUN;

    if (!library)
        return status;
    if (strpbrk(library, " :"))
        complain("%s: LD_PRELOAD cannot hold a path with a space or a colon", library);
    else if (environment_prepend(environment, "LD_PRELOAD", library, ':') ||
             environment_prepend(environment, "ASAN_OPTIONS", ASAN_LETS_US_BE_FIRST, ':'))
        complain("%s", strerror(ENOMEM));
    else
        status = 0;
    free(library);
    return status;
}

static bool has_trace_of(const struct trace_files *files, pid_t pid)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->files[i].pid == pid)
            return true;
    return false;
}

/* What the check says of a run that left FILES. GO_BLIND: there are Go maps that were not seen. */
static int judge(const struct run_wish *wish, const char *report, const struct run *run,
                 const struct trace_files *files, bool go_blind)
{
    if (files->count) {
        int status = check_traces(report, wish->check_options, RUN_CHECK_OPTIONS, files);
        /* Its descendants may be clean: of the command itself nothing is known. */
        bool seen = run->may_be_untraced || has_trace_of(files, run->pid);
        if (status != 0 || (seen && !go_blind))
            return status;
    }
    if (go_blind)
        complain("inconclusive: the maps of a Go program were not seen");
    else
        complain("inconclusive: %s left no trace", wish->command[0]);
    return EXIT_INCONCLUSIVE;
}

/* As the library understands it. */
static bool switched_off(const struct environment *environment)
{
    const char *disable = environment_get(environment, "MAPTRACE_DISABLE");

    return disable && *disable && strcmp(disable, "0") != 0;
}

/* 0, or an exit status. */
static int prepare(struct run_wish *wish, const struct elf_verdict *verdict)
{
    int status = 0;

    if (verdict->obstacle)
        complain("%s cannot be traced: %s", wish->command[0], verdict->obstacle);
    if (!verdict->spoils)
        status = preload(&wish->environment);
    if (status == 0 && verdict->go && verdict->go_classic && wish->clobberfree &&
        go_settings_add(&wish->environment)) {
        complain("%s", strerror(ENOMEM));
        status = EXIT_CANNOT_RUN;
    }
    return status;
}

/*
 * Runs the command: its wait status. GO: its maps are to be traced from without. HOPELESS: it was
 * said that it cannot be traced. *GO_BLIND: there are Go maps that were not seen.
 */
static int see_through(struct child *child, const struct run_wish *wish, bool go, bool hopeless,
                       bool *go_blind)
{
    char *trace = trace_path(wish->output, child->pid, wish->command[0]);
    const char *ring = environment_get(&wish->environment, "MAPTRACE_RING");
    struct go_family family = {.trace = trace, .ring_bytes = go_collection_ring(ring)};
    struct go_collection *collection = go && trace ? go_run_begin(child, wish, trace) : NULL;

    family.blind = go && !collection;
    family.skip_command = family.blind || hopeless;
    bool follows = trace && !switched_off(&wish->environment) &&
                   go_family_begin(&family, child->pid, collection) == 0;
    int wait_status = child_wait(child, follows ? go_family_look : NULL, &family);
    if (follows)
        go_family_end(&family, wait_status);
    *go_blind = family.blind;
    free(trace);
    return wait_status;
}

static int run(struct run_wish *wish, const char *report)
{
    struct elf_verdict verdict = elf_check(wish->command[0]);
    struct trace_files files;
    struct child child;
    bool go_blind;

    verdict.go = verdict.go && !switched_off(&wish->environment);
    /* Where the library is, its part for Go is, too. */
    bool inject = verdict.go && !verdict.loads;
    int status = prepare(wish, &verdict);

    if (status != 0)
        return status;
    struct run this_run = {
        .output = wish->output,
        .started_ns = monotonic_now(),
        .may_be_untraced = verdict.obstacle != NULL,
    };
    status = child_start(&child, wish->command, &wish->environment, inject ? wish->output : NULL);
    if (status < 0) {
        complain("cannot start %s: %s", wish->command[0], strerror(-status));
        return EXIT_CANNOT_RUN;
    }
    int wait_status = see_through(&child, wish, inject, verdict.obstacle && !verdict.go, &go_blind);
    this_run.pid = child.pid;

    status = child_exit_status(wait_status);
    if (trace_files_find(&this_run, &files)) {
        complain("%s", strerror(ENOMEM));
        return status ? status : EXIT_CANNOT_RUN;
    }
    trace_files_end(&files, child.pid, wait_status);
    if (wish->check && status == 0)
        status = judge(wish, report, &this_run, &files, go_blind);
    trace_files_free(&files);
    return status;
}

int run_main(int argc, char **argv)
{
    struct run_wish wish;
    char *report = NULL;
    int status = run_wish_read(&wish, argc, argv);

    if (status == RUN_WISH_READ) {
        /* Without the judge a run for its verdict is time lost. */
        if (wish.check && !(report = place_report()))
            status = EXIT_CANNOT_RUN;
        else
            status = run(&wish, report);
    }
    free(report);
    run_wish_free(&wish);
    return status;
}
