#define _GNU_SOURCE
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_DEFAULT ((uint64_t)16 << 20)
#define RING_LEAST ((uint64_t)64 << 10)
#define RING_MOST ((uint64_t)4 << 30)

static bool read_size(const char *text, uint64_t *value)
{
    uint64_t number = 0;

    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (number > RING_MOST)
            return false;
        number = 10 * number + (uint64_t)(*text - '0');
    }
    if (*text == 'K' || *text == 'k')
        number <<= 10, text++;
    else if (*text == 'M' || *text == 'm')
        number <<= 20, text++;
    else if (*text == 'G' || *text == 'g')
        number <<= 30, text++;
    if (*text || number < RING_LEAST || number > RING_MOST)
        return false;
    *value = number;
    return true;
}

/* %p pid, %e program, %% a percent sign. */
static void expand(const char *pattern, char *to, size_t room)
{
    size_t used = 0;

    for (; *pattern && used + 24 < room; pattern++) {
        if (*pattern != '%' || !pattern[1]) {
            to[used++] = *pattern;
        } else if (*++pattern == 'p') {
            used += (size_t)snprintf(to + used, room - used, "%d", (int)getpid());
        } else if (*pattern == 'e') {
            int length = snprintf(to + used, room - used, "%s", program_invocation_short_name);

            used += (size_t)length < room - used ? (size_t)length : room - used - 1;
        } else {
            if (*pattern != '%')
                to[used++] = '%';
            to[used++] = *pattern;
        }
    }
    to[used] = 0;
}

static void set_output(struct options *options)
{
    const char *given = getenv("MAPTRACE_OUTPUT");
    char name[2048], directory[2040];

    expand(given && *given ? given : "trace.bin", name, sizeof name);
    if (*name == '/' || !getcwd(directory, sizeof directory))
        snprintf(options->output, sizeof options->output, "%s", name);
    else
        snprintf(options->output, sizeof options->output, "%s/%s", directory, name);
}

/* "PID:PATH": we descend from PID, whose trace is PATH. */
static bool set_run(struct options *options)
{
    const char *run = getenv(OPTIONS_RUN);
    char *end;

    if (!run)
        return false;
    unsigned long pid = strtoul(run, &end, 10);
    if (end == run || *end != ':' || end[1] != '/' || pid == 0 || pid > UINT32_MAX ||
        strlen(end + 1) >= sizeof options->output)
        return false;
    options->root_pid = (uint32_t)pid;
    strcpy(options->output, end + 1);
    return true;
}

void options_read(struct options *options)
{
    const char *disable = getenv("MAPTRACE_DISABLE"), *verbose = getenv("MAPTRACE_VERBOSE");
    const char *ring = getenv("MAPTRACE_RING"), *match = getenv("MAPTRACE_MATCH");
    const char *returns = getenv("MAPTRACE_RETURNS");

    memset(options, 0, sizeof *options);
    options->disabled = disable && *disable && strcmp(disable, "0") != 0;
    options->verbose = verbose && *verbose && strcmp(verbose, "0") != 0;
    options->rules = getenv("MAPTRACE_RULES");
    options->ring_bytes = RING_DEFAULT;
    if (ring && *ring && !read_size(ring, &options->ring_bytes))
        options->bad = "MAPTRACE_RING: give a size from 64K to 4G";
    if (match && strcmp(match, "full") == 0)
        options->match = MATCH_FULL;
    else if (match && strcmp(match, "fast") == 0)
        options->match = MATCH_FAST;
    else if (match && *match && strcmp(match, "marks") != 0)
        options->bad = "MAPTRACE_MATCH: say marks, fast or full";
    options->no_returns = returns && strcmp(returns, "0") == 0;
    if (returns && *returns && !options->no_returns && strcmp(returns, "1") != 0)
        options->bad = "MAPTRACE_RETURNS: say 0 or 1";
    if (!set_run(options))
        set_output(options);
}
