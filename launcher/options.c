#include "launcher/options.h"

#include <getopt.h>
#include <stddef.h>

enum { OPTIONS_MAX = 32 };

int options_next(const struct launcher_option *table, int argc, char **argv, const char **value,
                 int *rest)
{
    struct option known[OPTIONS_MAX + 1] = {0};
    char letters[2 * OPTIONS_MAX + 2] = "+"; /* stop at the first word: it is the command */
    char *letter = letters + 1;

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

    int key = getopt_long(argc, argv, letters, known, NULL);
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
