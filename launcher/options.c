#include "launcher/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "launcher/complain.h"

enum { OPTIONS_MAX = 32 };

/* Of the option that getopt has just refused. */
static void complain_of(char **argv, bool lacks_argument)
{
    const char *word = argv[optind - 1], letter[] = {'-', (char)optopt, 0};
    bool is_long = strncmp(word, "--", 2) == 0;

    complain("%s: %s %s; `maptrace %s --help` tells what there is", argv[0],
             is_long ? word : letter,
             lacks_argument                           ? "wants an argument"
             : is_long && optopt && strchr(word, '=') ? "takes no argument"
                                                      : "is no option here",
             argv[0]);
}

int options_next(const struct launcher_option *table, int argc, char **argv, const char **value,
                 int *rest)
{
    struct option known[OPTIONS_MAX + 1] = {0};
    char letters[2 * OPTIONS_MAX + 3] = "+:"; /* stop at the first word: it is the command */
    char *letter = letters + 2;

    for (int i = 0; table[i].name && i < OPTIONS_MAX; i++) {
        known[i].name = table[i].name;
        known[i].has_arg = table[i].argument ? required_argument : no_argument;
        known[i].val = table[i].key;
        if (table[i].key < 0x80) {
            *letter++ = (char)table[i].key;
            if (table[i].argument)
                *letter++ = ':';
        }
    }

    opterr = 0; /* it would name the subcommand alone */
    int key = getopt_long(argc, argv, letters, known, NULL);
    if (key == '?' || key == ':') {
        complain_of(argv, key == ':');
        key = OPTIONS_BAD;
    }
    *value = optarg;
    *rest = optind;
    return key;
}

void options_help(const struct launcher_option *table, FILE *out)
{
    for (const struct launcher_option *option = table; option->name; option++) {
        char left[64];

        snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? "=" : "",
                 option->argument ? option->argument : "");
        if (option->key < 0x80)
            fprintf(out, "  -%c, %-20s %s\n", option->key, left, option->about);
        else
            fprintf(out, "      %-20s %s\n", left, option->about);
    }
}
