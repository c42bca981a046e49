#include "analyzer/options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/units.h"

enum key { KEY_FORMAT = 0x100, KEY_CHECK, KEY_GRACE, KEY_STALL, KEY_MIN_BYTES };

/* Parsing and --help both come from here. */
static const struct argp_option table[] = {
    {"format", KEY_FORMAT, "FORMAT", 0, "text (default), for people, or json", 0},
    {"output", 'o', "OUT", 0, "write the report to the file OUT, which is replaced as a whole", 0},
    {"check", KEY_CHECK, NULL, 0, "answer by exit status: 0 clean, 23 findings, 24 inconclusive",
     0},
    {"grace", KEY_GRACE, "T", 0,
     "how long an old array may outlive the end of its resize (100ms); 0, 500us, 2s, 5m, 1h", 0},
    {"stall", KEY_STALL, "T", 0, "how long an incremental resize may make no progress (1s)", 0},
    {"min-bytes", KEY_MIN_BYTES, "N", 0, "ignore smaller old arrays (1); 4096, 64K, 1M, 2G", 0},
    {0},
};

static const char documentation[] =
    "Says which hash tables of traced programs kept an old bucket array alive after the resize "
    "that replaced it, how many bytes and how long that cost, and which call stack is to blame.\v"
    "TRACE is a file that libmaptrace.so wrote, or a folder: then every trace in it is read, but "
    "for those whose name ends in .old.\n\n"
    "Exit status: 0 a report was made (with --check: clean), 2 bad usage or an unreadable trace; "
    "with --check also 23 findings, 24 inconclusive.";

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case KEY_FORMAT:
        if (strcmp(argument, "text") == 0)
            options->format = FORMAT_TEXT;
        else if (strcmp(argument, "json") == 0)
            options->format = FORMAT_JSON;
        else
            argp_error(state, "--format=%s: text and json are known", argument);
        break;
    case 'o':
        if (*argument == '\0')
            argp_error(state, "--output needs the name of a file");
        options->output = argument;
        break;
    case KEY_CHECK:
        options->check = true;
        break;
    case KEY_GRACE:
        if (units_read_time(argument, &options->limits.grace_ns) != 0)
            argp_error(state, "--grace=%s: a time is needed, as 0, 500us, 100ms, 2s, 5m, 1h",
                       argument);
        break;
    case KEY_STALL:
        if (units_read_time(argument, &options->limits.stall_ns) != 0)
            argp_error(state, "--stall=%s: a time is needed, as 0, 500us, 100ms, 2s, 5m, 1h",
                       argument);
        break;
    case KEY_MIN_BYTES:
        if (units_read_size(argument, &options->limits.min_bytes) != 0)
            argp_error(state, "--min-bytes=%s: a size is needed, as 4096, 64K, 1M, 2G", argument);
        break;
    case ARGP_KEY_ARGS:
        options->inputs = state->argv + state->next;
        options->input_count = state->argc - state->next;
        break;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no TRACE given");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

void options_parse(struct options *options, int argc, char **argv)
{
    static const struct argp argp = {
        .options = table, .parser = parse, .args_doc = "TRACE...", .doc = documentation};
    *options =
        (struct options){.limits = {.grace_ns = 100000000, .stall_ns = 1000000000, .min_bytes = 1}};
    argp_err_exit_status = EXIT_USAGE;
    argp_program_version = "maptrace-report " MAPTRACE_VERSION;
    argp_parse(&argp, argc, argv, 0, NULL, options);
}
