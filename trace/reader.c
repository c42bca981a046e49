/*
 * Order matters while the writer runs. Entries are read before the rules,
 * modules and stacks that they name, which only ever grow, so that no entry can
 * name what we have not read; and open resizes before the rings: one that ends
 * meanwhile is then seen twice, not missed.
 */
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace/reader_entries.h"
#include "trace/reader_header.h"
#include "trace/reader_history.h"
#include "trace/reader_named.h"
#include "trace/reader_process.h"
#include "trace/reader_runtime.h"
#include "trace/reader_source.h"

static int fail(const char *path, int code, char *error, size_t error_bytes, const char *why)
{
    snprintf(error, error_bytes, "%s: %s", path, why);
    return code;
}

/* Opens a regular file without following what a FIFO or device would do to us. */
static int open_regular(const char *path, struct stat *status, char *error, size_t error_bytes)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0 || fstat(descriptor, status) != 0) {
        int code = -errno;
        if (descriptor >= 0)
            close(descriptor);
        return fail(path, code, error, error_bytes, strerror(-code));
    }
    if (!S_ISREG(status->st_mode)) {
        close(descriptor);
        return fail(path, -EBADMSG, error, error_bytes,
                    S_ISDIR(status->st_mode) ? "a folder" : "not a regular file");
    }
    return descriptor;
}

bool trace_has_magic(const char *path)
{
    struct stat status;
    char unused[1], magic[sizeof(TRACE_MAGIC) - 1];
    int descriptor = open_regular(path, &status, unused, sizeof(unused));
    if (descriptor < 0)
        return false;
    struct source source = {.descriptor = descriptor};
    bool same = source_read(&source, magic, 0, sizeof(magic)) == sizeof(magic) &&
                memcmp(magic, TRACE_MAGIC, sizeof(magic)) == 0;
    close(descriptor);
    return same;
}

static uint64_t monotonic_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Reads all but the header of a trace whose header says where. */
static int read_rest(struct trace *trace, struct source *source, const struct trace_sieve *sieve)
{
    const struct trace_header *header = &trace->header;
    uint64_t start = header->start_monotonic_ns, now = monotonic_ns(), bad_rules = 0;
    int outcome = entries_load(trace, source);
    if (outcome == 0 && source->changing)
        outcome = header_refresh(&trace->header, source);
    if (outcome == 0)
        outcome = named_rules(trace, source, &bad_rules);
    if (outcome == 0) {
        entries_check(trace);
        outcome = history_load(trace, source, sieve);
    }
    if (outcome == 0 && source->changing)
        outcome = header_refresh(&trace->header, source);
    if (outcome == 0 && source->changing)
        outcome = named_rules(trace, source, &bad_rules);
    if (outcome == 0)
        outcome = named_rest(trace, source);
    if (outcome == 0)
        outcome = runtime_load(trace, source);
    trace->bad_entries += bad_rules;

    if (trace->running)
        trace->now_ns = now > start ? now - start : 0;
    else
        trace->now_ns = later(header->last_ns, header->end != TRACE_END_NONE ? header->end_ns : 0);
    return outcome;
}

static int read_once(const char *path, const struct trace_sieve *sieve, struct trace **result,
                     char *error, size_t error_bytes)
{
    struct stat status;
    int descriptor = open_regular(path, &status, error, error_bytes);
    if (descriptor < 0)
        return descriptor;
    struct source source = {.descriptor = descriptor, .bytes = (uint64_t)status.st_size};
    struct trace *trace = calloc(1, sizeof(*trace));
    char why[256] = "";
    int outcome = -ENOMEM;
    if (trace && (trace->file = strdup(path)))
        outcome = header_read(&trace->header, &source, why, sizeof(why));
    if (outcome == 0) {
        trace->running = process_writes(&trace->header, status.st_ino);
        trace->truncated = source.bytes < trace->header.file_bytes;
        source.changing = trace->running;
        outcome = read_rest(trace, &source, sieve);
    }
    close(descriptor);
    if (outcome == 0) {
        *result = trace;
        return 0;
    }
    trace_free(trace);
    if (outcome == -EAGAIN)
        snprintf(why, sizeof(why), "changed while it was read; try again");
    return fail(path, outcome, error, error_bytes, *why ? why : strerror(-outcome));
}

/* A writer makes the file first and its header next, some milliseconds later at most. */
#define WAITS 20
#define WAIT_NS 10000000

static bool may_be_just_begun(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && time(NULL) - status.st_mtime < 2;
}

static int read_begun(const char *path, const struct trace_sieve *sieve, struct trace **result,
                      char *error, size_t error_bytes)
{
    int outcome = read_once(path, sieve, result, error, error_bytes);

    for (unsigned wait = 0; wait < WAITS && outcome == -ENODATA && may_be_just_begun(path);
         wait++) {
        nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
        outcome = read_once(path, sieve, result, error, error_bytes);
    }
    return outcome;
}

int trace_read(const char *path, const struct trace_sieve *sieve, struct trace **result,
               char *error, size_t error_bytes)
{
    int outcome = -EAGAIN;

    /* Each of the two rings shrinks once at most. */
    for (unsigned attempt = 0; attempt < 3 && outcome == -EAGAIN; attempt++)
        outcome = read_begun(path, sieve, result, error, error_bytes);
    return outcome == -ENODATA ? -EBADMSG : outcome;
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    free(trace->file);
    free(trace->rules);
    free(trace->modules);
    free(trace->stack_words);
    free(trace->arrays);
    free(trace->open);
    free(trace->notable.records);
    free(trace->recent.records);
    free(trace->held);
    free(trace->messages);
    free(trace->types);
    free(trace->sites);
    free(trace->collections);
    free(trace);
}

uint32_t trace_stack(const struct trace *trace, uint32_t id, const uint64_t **frames)
{
    if (id == 0 || id >= trace->stack_word_count)
        return 0;
    uint32_t count = TRACE_STACK_FRAMES(trace->stack_words[id]);
    if (count > TRACE_STACK_DEPTH || count >= trace->stack_word_count - id)
        return 0;
    *frames = &trace->stack_words[id + 1];
    return count;
}

const struct trace_module *trace_frame_module(const struct trace *trace, uint64_t frame)
{
    uint32_t index = TRACE_FRAME_MODULE(frame);
    return index != TRACE_NO_MODULE && index < trace->module_count ? &trace->modules[index] : NULL;
}

const struct trace_type *trace_type(const struct trace *trace, uint32_t id)
{
    return id && id <= trace->type_count ? &trace->types[id - 1] : NULL;
}

unsigned trace_overstay_bucket(const struct trace_resize *resize)
{
    uint64_t from = resize->resize_end_ns ? resize->resize_end_ns : resize->replaced_ns;
    uint64_t lived = resize->released_ns > from ? resize->released_ns - from : 0;
    uint64_t overstay = later(lived, resize->longest_stall_ns);
    unsigned bucket = overstay ? 64 - (unsigned)__builtin_clzll(overstay) : 0;
    return bucket < TRACE_HISTOGRAM_BUCKETS ? bucket : TRACE_HISTOGRAM_BUCKETS - 1;
}

uint64_t trace_lost_events(const struct trace *trace)
{
    uint64_t sum;
    return __builtin_add_overflow(trace->header.lost_arrays, trace->header.lost_releases, &sum)
               ? UINT64_MAX
               : sum;
}

bool trace_complete(const struct trace *trace)
{
    return !trace->truncated && trace->cut_entries == 0 && trace->bad_entries == 0 &&
           trace_lost_events(trace) == 0 &&
           !(trace->header.flags & (TRACE_FLAG_OFF | TRACE_FLAG_PREPARING));
}
