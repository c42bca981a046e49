/* maptrace-report: reads traces, judges them and shows what it found. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/inputs.h"
#include "analyzer/json.h"
#include "analyzer/names.h"
#include "analyzer/options.h"
#include "analyzer/output.h"
#include "analyzer/paper.h"
#include "analyzer/report.h"
#include "analyzer/text.h"

static void complain(const char *what, int code)
{
    struct paper paper = {.out = stderr};
    paper_put(&paper, "maptrace-report: ");
    paper_foreign(&paper, what);
    paper_put(&paper, code ? ": %s\n" : "\n", strerror(-code));
}

static bool wants_colours(const struct options *options)
{
    const char *no_colour = getenv("NO_COLOR");
    return !options->output && isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

/* Writes REPORT to where OPTIONS say. Returns 0 or -errno. */
static int show(const struct report *report, const struct inputs *inputs,
                const struct options *options)
{
    char *text = NULL;
    size_t length = 0;
    struct names *names = names_new();
    FILE *stream = names ? open_memstream(&text, &length) : NULL;
    int outcome = -ENOMEM;
    if (stream) {
        outcome = options->format == FORMAT_JSON
                      ? json_write(stream, report, inputs->past, names)
                      : text_write(stream, report, names, wants_colours(options));
        if (fclose(stream) != 0 && outcome == 0)
            outcome = -ENOMEM;
    }
    if (outcome == 0)
        outcome = output_write(options->output, text, length);
    names_free(names);
    free(text);
    return outcome;
}

static int status_of(const struct report *report, const struct options *options)
{
    if (!options->check || report->verdict == VERDICT_CLEAN)
        return EXIT_SUCCESS;
    return report->verdict == VERDICT_FINDINGS ? EXIT_FINDINGS : EXIT_INCONCLUSIVE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct inputs inputs;
    struct report report;
    char error[5000];
    options_parse(&options, argc, argv);
    struct inputs_wish wish = {options.limits,
                               options.format == FORMAT_JSON ? JSON_MOST_PAST_TABLES : 0};
    if (inputs_read(&inputs, &wish, options.inputs, options.input_count, error, sizeof(error)) !=
        0) {
        complain(error, 0);
        return EXIT_USAGE;
    }
    int outcome = report_make(&report, inputs.traces, inputs.count, &options.limits);
    if (outcome == 0)
        outcome = show(&report, &inputs, &options);
    int status = status_of(&report, &options);
    if (outcome) {
        complain(options.output ? options.output : "standard output", outcome);
        status = EXIT_USAGE;
    }
    report_free(&report);
    inputs_free(&inputs);
    return status;
}
