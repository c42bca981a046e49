/* The command line of maptrace-report. */
#ifndef MAPTRACE_ANALYZER_OPTIONS_H
#define MAPTRACE_ANALYZER_OPTIONS_H

#include <stdbool.h>

#include "analyzer/judge.h"

#define EXIT_USAGE 2 /* bad usage, or an unreadable trace */
#define EXIT_FINDINGS 23
#define EXIT_INCONCLUSIVE 24

enum options_format { FORMAT_TEXT, FORMAT_JSON };

struct options {
    enum options_format format;
    const char *output; /* NULL: standard output */
    bool check;
    struct judge_limits limits;
    char **inputs; /* files and folders, at least one */
    int input_count;
};

/* Fills OPTIONS, which then point into ARGV. Ends the program on --help, --version and bad usage.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
