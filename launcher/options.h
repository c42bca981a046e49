/*
 * The options of a subcommand: one table from which they are parsed and
 * `--help` is printed. Not reentrant (getopt).
 */
#ifndef MAPTRACE_LAUNCHER_OPTIONS_H
#define MAPTRACE_LAUNCHER_OPTIONS_H

#include <stdio.h>

#define OPTIONS_END (-1)
#define OPTIONS_BAD '?' /* a complaint stands on stderr */

/* KEY is what options_next() answers: a letter is the short form, too. A name of NULL ends a table.
 */
struct launcher_option {
    const char *name;
    int key;
    const char *argument; /* what stands for it in --help; NULL: it takes none */
    const char *about;
};

/*
 * The key of the next option before the first other word, or OPTIONS_END.
 * *VALUE is its argument. At the end *REST is the index of the first word
 * after the options.
 */
int options_next(const struct launcher_option *table, int argc, char **argv, const char **value,
                 int *rest);

void options_help(const struct launcher_option *table, FILE *out);

#endif
