#define _GNU_SOURCE /* asprintf */
#include "launcher/run_wish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/units.h"
#include "launcher/complain.h"
#include "launcher/options.h"
#include "launcher/place.h"
#include "launcher/rule_files.h"
#include "launcher/subcommands.h"
#include "preload/options.h"

enum { KEY_CHECK = 0x100, KEY_RULES, KEY_NO_CLOBBERFREE, KEY_GRACE, KEY_STALL, KEY_MIN_BYTES };

static const struct launcher_option options[] = {
    {"output", 'o', "FILE", "the trace; default: $MAPTRACE_OUTPUT, else trace.bin"},
    {"rules", KEY_RULES, "FILE", "more rules; may be given again"},
    {"check", KEY_CHECK, NULL, "judge the traces when the command has succeeded"},
    {"grace", KEY_GRACE, "TIME", "with --check: how late an old array may go (100ms)"},
    {"stall", KEY_STALL, "TIME", "with --check: how long a resize may rest (1s)"},
    {"min-bytes", KEY_MIN_BYTES, "SIZE", "with --check: smaller arrays do not count (1)"},
    {"no-clobberfree", KEY_NO_CLOBBERFREE, NULL, "Go: do not add clobberfree=1 to GODEBUG"},
    {"help", 'h', NULL, "print this"},
    {0},
};

static void usage(FILE *out)
{
    fputs("usage: maptrace run [OPTION]... [--] COMMAND [ARGUMENT]...\n\n", out);
    options_help(options, out);
    fputs("\nThe exit status is the command's, 128+N when signal N killed it. With --check,\n"
          "when the command's is 0: 0 clean, 23 findings, 24 inconclusive.\n",
          out);
}

static int out_of_memory(void)
{
    complain("%s", strerror(ENOMEM));
    return EXIT_CANNOT_RUN;
}

static int add_rules(struct run_wish *wish, const char *file)
{
    int errors = rule_file_check(file);
    char *path;

    if (errors < 0) {
        complain("%s: %s", file, strerror(-errors));
        return EXIT_USAGE;
    }
    path = place_absolute(file);
    if (!path)
        return out_of_memory();
    if (strchr(path, ':')) {
        complain("%s: MAPTRACE_RULES cannot hold a path with a colon", path);
        free(path);
        return EXIT_USAGE;
    }
    errors = environment_append(&wish->environment, "MAPTRACE_RULES", path, ':');
    free(path);
    return errors ? out_of_memory() : RUN_WISH_READ;
}

static int add_check_option(struct run_wish *wish, int key, const char *value)
{
    char **option = &wish->check_options[key - KEY_GRACE];
    const struct launcher_option *row = options;
    uint64_t number;
    int error =
        key == KEY_MIN_BYTES ? units_read_size(value, &number) : units_read_time(value, &number);

    while (row->key != key)
        row++;
    /* Better said now than by the judge, after the command has run. */
    if (error) {
        complain("--%s=%s: this is no %s", row->name, value,
                 key == KEY_MIN_BYTES ? "size, as 4096, 64K or 1M" : "time, as 500us, 100ms or 2s");
        return EXIT_USAGE;
    }
    free(*option);
    if (asprintf(option, "--%s=%s", row->name, value) < 0) {
        *option = NULL;
        return out_of_memory();
    }
    return RUN_WISH_READ;
}

/* A folder that is not there is better said before the run than found after it. */
static int check_output(const char *output)
{
    struct stat status;
    char *folder;
    int error;

    if (stat(output, &status) == 0 && S_ISDIR(status.st_mode)) {
        complain("%s: %s", output, strerror(EISDIR));
        return EXIT_USAGE;
    }
    folder = strndup(output, (size_t)(strrchr(output, '/') + 1 - output));
    if (!folder)
        return out_of_memory();
    error = strchr(folder, '%') || stat(folder, &status) == 0 ? 0 : errno;
    if (error)
        complain("%s: %s", folder, strerror(error));
    free(folder);
    return error ? EXIT_USAGE : RUN_WISH_READ;
}

/*
 * NAME made absolute. The library takes the result for a pattern, so a % of the
 * working directory is doubled.
 */
static char *absolute_pattern(const char *name)
{
    char *folder = *name == '/' ? strdup("") : place_absolute("");
    char *pattern = folder ? malloc(2 * strlen(folder) + strlen(name) + 1) : NULL, *end = pattern;

    for (const char *from = folder; pattern && *from; from++) {
        if (*from == '%')
            *end++ = '%';
        *end++ = *from;
    }
    if (pattern)
        strcpy(end, name);
    free(folder);
    return pattern;
}

static int set_output(struct run_wish *wish, const char *output)
{
    int answer;

    if (!output)
        output = environment_get(&wish->environment, "MAPTRACE_OUTPUT");
    wish->output = absolute_pattern(output && *output ? output : "trace.bin");
    if (!wish->output)
        return out_of_memory();
    answer = check_output(wish->output);
    if (answer != RUN_WISH_READ)
        return answer;
    return environment_set(&wish->environment, "MAPTRACE_OUTPUT", wish->output) ? out_of_memory()
                                                                                : RUN_WISH_READ;
}

int run_wish_read(struct run_wish *wish, int argc, char **argv)
{
    const char *value, *output = NULL;
    int key, rest, answer = RUN_WISH_READ;

    *wish = (struct run_wish){.clobberfree = true};
    /* A launcher that is itself traced begins a run of its own. */
    if (environment_copy(&wish->environment) ||
        environment_set(&wish->environment, OPTIONS_RUN, NULL))
        return out_of_memory();
    while (answer == RUN_WISH_READ &&
           (key = options_next(options, argc, argv, &value, &rest)) != OPTIONS_END) {
        switch (key) {
        case 'o':
            output = value;
            break;
        case KEY_RULES:
            answer = add_rules(wish, value);
            break;
        case KEY_CHECK:
            wish->check = true;
            break;
        case KEY_NO_CLOBBERFREE:
            wish->clobberfree = false;
            break;
        case KEY_GRACE:
        case KEY_STALL:
        case KEY_MIN_BYTES:
            answer = add_check_option(wish, key, value);
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            return EXIT_USAGE;
        }
    }
    if (answer != RUN_WISH_READ)
        return answer;
    if (!argv[rest]) {
        complain("run: there is no command to run");
        usage(stderr);
        return EXIT_USAGE;
    }
    wish->command = argv + rest;
    return set_output(wish, output);
}

void run_wish_free(struct run_wish *wish)
{
    for (int i = 0; i < RUN_CHECK_OPTIONS; i++)
        free(wish->check_options[i]);
    environment_free(&wish->environment);
    free(wish->output);
}
