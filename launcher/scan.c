/* maptrace scan: one look at the maps of a running Go program. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golang/open_maps.h"
#include "launcher/complain.h"
#include "launcher/options.h"
#include "launcher/pid.h"
#include "launcher/scan_json.h"
#include "launcher/scan_text.h"
#include "launcher/subcommands.h"

enum { KEY_FORMAT = 0x100 };

static const struct launcher_option options[] = {
    {"format", KEY_FORMAT, "FORMAT", "text (default) or json"},
    {"help", 'h', NULL, "print this"},
    {0},
};

static void usage(FILE *out)
{
    fputs("usage: maptrace scan [OPTION]... PID\n\n", out);
    options_help(options, out);
    fputs("\nShows the maps of the Go program PID that are in the middle of a resize now. Its\n"
          "memory is only read, and it is not stopped. The exit status is 0 when it could be\n"
          "looked at, whatever was found; 2 for a wrong command line; 125 else.\n",
          out);
}

static const char *why_not(int error)
{
    switch (error) {
    case -ESRCH:
        return "there is no such process";
    case -EACCES:
    case -EPERM:
        return "its memory may not be read: it belongs to another user, has gained privileges, "
               "or ptrace is restricted here";
    case -ENOEXEC:
        return "it has no memory to look at: a kernel thread, or a process that has ended";
    case -ENOENT:
        return "it is not a Go program: no table of functions of Go's runtime is in it (other "
               "compilers for Go are not recognised)";
    default:
        return strerror(-error);
    }
}

static int look(struct scan *scan, const struct memory *memory)
{
    int error = go_program_find(memory, &scan->program);

    if (!error && scan->program.maps == GO_MAPS_CLASSIC)
        error = go_types_read(memory, &scan->program, &scan->types);
    if (!error && scan->program.maps == GO_MAPS_CLASSIC)
        error = go_open_maps_find(memory, &scan->types, &scan->maps);
    return error;
}

static int scan_process(pid_t pid, bool json)
{
    struct scan scan = {.pid = pid};
    struct memory memory;
    int error = memory_open(&memory, pid);

    if (!error) {
        scan.path = memory.program;
        error = look(&scan, &memory);
        if (!error && json)
            scan_json(stdout, &scan);
        else if (!error)
            scan_text(stdout, &scan);
        go_open_maps_free(&scan.maps);
        go_types_free(&scan.types);
        memory_close(&memory);
    }
    if (error)
        complain("process %d cannot be scanned: %s", (int)pid, why_not(error));
    return error || fflush(stdout) || ferror(stdout) ? EXIT_CANNOT_RUN : 0;
}

int scan_main(int argc, char **argv)
{
    const char *value;
    int key, rest;
    bool json = false;

    while ((key = options_next(options, argc, argv, &value, &rest)) != OPTIONS_END) {
        if (key == 'h') {
            usage(stdout);
            return 0;
        }
        if (key != KEY_FORMAT)
            return EXIT_USAGE;
        json = !strcmp(value, "json");
        if (!json && strcmp(value, "text") != 0) {
            complain("--format=%s: text or json", value);
            return EXIT_USAGE;
        }
    }
    if (rest + 1 != argc) {
        complain("scan: one process id is wanted");
        usage(stderr);
        return EXIT_USAGE;
    }
    pid_t pid = pid_read(argv[rest]);
    if (pid < 0)
        return EXIT_USAGE;
    return scan_process(pid, json);
}
