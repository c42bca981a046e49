/* What the command line of `maptrace run` asks for. */
#ifndef MAPTRACE_LAUNCHER_RUN_WISH_H
#define MAPTRACE_LAUNCHER_RUN_WISH_H

#include <stdbool.h>

#include "launcher/environment.h"

enum { RUN_CHECK_OPTIONS = 3 }; /* --grace, --stall, --min-bytes */

struct run_wish {
    char *output;                   /* absolute, a pattern as in MAPTRACE_OUTPUT */
    struct environment environment; /* for the command: the output and the rules are in it */
    bool check;
    bool clobberfree; /* liveness of Go maps may be had by a setting of Go's runtime */
    char *check_options[RUN_CHECK_OPTIONS]; /* for maptrace-report; NULL: not given */
    char **command;
};

/*
 * Reads the command line. Returns RUN_WISH_READ, or the exit status with which
 * maptrace is to end (all is then said, and also 0: help was asked for).
 */
#define RUN_WISH_READ (-1)
int run_wish_read(struct run_wish *wish, int argc, char **argv);
void run_wish_free(struct run_wish *wish);

#endif
