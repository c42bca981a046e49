/* maptrace-index: finds the functions that rules match in ELF files. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/debug_file.h"
#include "indexer/index.h"

static const char usage_text[] =
    "Usage: maptrace-index [--rules FILE]... [--cache DIR] [--debug-dir DIR] ELF...\n"
    "Prints the address ranges of the functions that maptrace's rules match in each\n"
    "ELF file: symbols, and the copies that debug information shows.\n"
    "\n"
    "  --rules FILE     rules to add to the catalogue; may repeat\n"
    "  --cache DIR      keep the result in DIR as BUILDID-RULESHASH.index, too\n"
    "  --debug-dir DIR  where separate debug files are (" DEBUG_FOLDER ")\n"
    "  --help, --version\n";

struct request {
    char **rule_files;
    size_t rule_file_count;
    const char *cache, *debug_folder;
};

static int bad_usage(void)
{
    fputs("Try 'maptrace-index --help'.\n", stderr);
    return 2;
}

/* Fills REQUEST and returns -1, or the status to exit with. */
static int read_options(struct request *request, int count, char **words)
{
    enum { RULES = 1, CACHE, DEBUG_DIR, HELP, VERSION };
    static const struct option options[] = {{"rules", required_argument, NULL, RULES},
                                            {"cache", required_argument, NULL, CACHE},
                                            {"debug-dir", required_argument, NULL, DEBUG_DIR},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {0}};
    int option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        switch (option) {
        case RULES:
            request->rule_files[request->rule_file_count++] = optarg;
            break;
        case CACHE:
            request->cache = optarg;
            break;
        case DEBUG_DIR:
            request->debug_folder = optarg;
            break;
        case HELP:
            fputs(usage_text, stdout);
            return 0;
        case VERSION:
            puts("maptrace-index " MAPTRACE_VERSION);
            return 0;
        default:
            return bad_usage();
        }
    }
    if (optind == count) {
        fputs("maptrace-index: no ELF file is given\n", stderr);
        return bad_usage();
    }
    return -1;
}

int main(int count, char **words)
{
    struct request request = {.rule_files = calloc((size_t)count, sizeof *request.rule_files),
                              .debug_folder = DEBUG_FOLDER};
    struct rule_text rules = {0};

    if (!request.rule_files)
        return 1;
    int status = read_options(&request, count, words);
    if (status >= 0)
        goto done;
    status = 0;
    elf_version(EV_CURRENT);
    if (rule_text_load(&rules, request.rule_files, request.rule_file_count) < 0) {
        fputs("maptrace-index: no memory for the rules\n", stderr);
        status = 1;
        goto done;
    }
    fputs(REPORT_HEADER, stdout);
    for (int i = optind; i < count; i++) {
        struct report report;
        index_file(&report, words[i], &rules, request.debug_folder);
        report_write(&report, stdout);
        int error = request.cache ? report_keep(&report, request.cache, rules.hash) : 0;
        if (error)
            fprintf(stderr, "maptrace-index: cannot keep the index of %s in %s: %s\n", words[i],
                    request.cache, strerror(-error));
        index_release(&report);
    }
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "maptrace-index: cannot write: %s\n", strerror(errno));
        status = 1;
    }
done:
    rule_text_free(&rules);
    free(request.rule_files);
    return status;
}
