/* maptrace: picks the subcommand. */
#include <stdio.h>
#include <string.h>

#include "launcher/subcommands.h"

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *about;
} subcommands[] = {
    {"run", run_main, "run a program and record its hash tables"},
    {"attach", attach_main, "record the maps of a Go program that runs already"},
    {"scan", scan_main, "show the maps of a running Go program that are being resized"},
};
enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static void usage(FILE *out)
{
    fputs("usage: maptrace COMMAND [OPTION]...\n\n", out);
    for (int i = 0; i < SUBCOMMANDS; i++)
        fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].about);
    fputs("\n`maptrace COMMAND --help` says more; `maptrace --version` tells the version.\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("maptrace " MAPTRACE_VERSION);
        return 0;
    }
    for (int i = 0; i < SUBCOMMANDS; i++)
        if (!strcmp(argv[1], subcommands[i].name))
            return subcommands[i].main(argc - 1, argv + 1);
    fprintf(stderr, "maptrace: there is no command '%s'\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}
