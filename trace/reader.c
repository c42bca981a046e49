/*
 * Order matters while the writer runs: live entries are read before the rules,
 * modules and stacks that they name, which only ever grow, so that no entry can
 * name what we have not read.
 */
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace/reader_entries.h"
#include "trace/reader_layout.h"
#include "trace/reader_process.h"
#include "trace/reader_runtime.h"
#include "trace/reader_source.h"

#define END_OF_TEXT(text) ((text)[sizeof(text) - 1] = '\0')

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

static int read_header(struct trace *trace, const struct source *source, char *error,
                       size_t error_bytes)
{
    struct trace_header *header = &trace->header;
    memset(header, 0, sizeof(*header));
    int64_t got = source_read(source, header, 0, sizeof(*header));
    if (got < 0)
        return fail(trace->file, (int)got, error, error_bytes, strerror((int)-got));

    char why[200];
    size_t magic = sizeof(header->magic);
    if ((size_t)got < magic || memcmp(header->magic, TRACE_MAGIC, magic) != 0)
        return fail(trace->file, -EBADMSG, error, error_bytes, "not a maptrace trace");
    if ((size_t)got < TRACE_HEADER_LEAST ||
        (header->version == TRACE_VERSION && (uint64_t)got < header->header_bytes &&
         (size_t)got < sizeof(*header))) {
        snprintf(why, sizeof(why), "cut off: %" PRId64 " bytes do not even hold its header", got);
        return fail(trace->file, -EBADMSG, error, error_bytes, why);
    }
    int outcome = layout_check(header, why, sizeof(why));
    if (outcome) {
        char text[256];
        snprintf(text, sizeof(text), "%s%s", outcome == -EBADMSG ? "damaged: " : "", why);
        return fail(trace->file, outcome, error, error_bytes, text);
    }
    /* What a shorter header of an older writer lacks is zero, and not the bytes after it. */
    if (header->header_bytes < sizeof(*header))
        memset((char *)header + header->header_bytes, 0, sizeof(*header) - header->header_bytes);
    END_OF_TEXT(header->boot_id);
    END_OF_TEXT(header->machine);
    END_OF_TEXT(header->program);
    END_OF_TEXT(header->directory);
    END_OF_TEXT(header->command);
    return 0;
}

static int keep_rule(void *context, uint64_t index, const void *entry, bool stable)
{
    struct trace *trace = context;
    struct trace_rule *rule = &trace->rules[index];
    (void)stable; /* its counters move all the time; each is whole by itself */
    *rule = *(const struct trace_rule *)entry;
    END_OF_TEXT(rule->name);
    END_OF_TEXT(rule->about);
    END_OF_TEXT(rule->reason);
    if (rule->kind > TRACE_REALLOC || rule->status > TRACE_RULE_ACTIVE) {
        rule->kind = TRACE_IMMEDIATE;
        rule->status = TRACE_RULE_BLIND;
        trace->bad_entries++;
    }
    trace->rule_count = (uint32_t)index + 1;
    return 0;
}

static int keep_module(void *context, uint64_t index, const void *entry, bool stable)
{
    struct trace *trace = context;
    struct trace_module *module = &trace->modules[index];
    (void)stable; /* only unloaded_ns ever changes */
    *module = *(const struct trace_module *)entry;
    END_OF_TEXT(module->path);
    if (module->build_id_bytes > TRACE_BUILD_ID_BYTES) {
        module->build_id_bytes = 0;
        trace->bad_entries++;
    }
    trace->module_count = (uint32_t)index + 1;
    return 0;
}

/* Stacks and messages: COUNT items of ITEM_BYTES as they are; MORE zero bytes after them. */
static int read_plain(const struct source *source, const struct trace_region *region,
                      uint64_t count, uint64_t item_bytes, size_t more, void *result,
                      uint32_t *result_count)
{
    char *buffer = calloc(1, count * item_bytes + more);
    if (!buffer)
        return -ENOMEM;
    int64_t got = source_read(source, buffer, region->offset, count * item_bytes);
    *(void **)result = buffer;
    *result_count = got < 0 ? 0 : (uint32_t)((uint64_t)got / item_bytes);
    return got < 0 ? (int)got : 0;
}

/* Counts beyond what the file can hold would only cost memory. */
static uint64_t fitting(const struct source *source, const struct trace_region *region,
                        uint64_t count)
{
    uint64_t there =
        source->bytes > region->offset ? (source->bytes - region->offset) / region->entry_bytes : 0;
    return count < there ? count : there;
}

static int read_named(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    uint64_t rules = fitting(source, &header->rules, header->rules_used);
    uint64_t modules = fitting(source, &header->modules, header->modules_used);
    uint64_t words = fitting(source, &header->stacks, header->stack_words_used);
    uint64_t bytes = fitting(source, &header->messages, header->message_bytes);
    uint32_t message_bytes;

    trace->rules = calloc(rules + 1, sizeof(struct trace_rule));
    trace->modules = calloc(modules + 1, sizeof(struct trace_module));
    if (!trace->rules || !trace->modules)
        return -ENOMEM;
    int outcome =
        source_entries(source, &header->rules, rules, sizeof(struct trace_rule), keep_rule, trace);
    if (outcome == 0)
        outcome = source_entries(source, &header->modules, modules, sizeof(struct trace_module),
                                 keep_module, trace);
    if (outcome == 0)
        outcome = read_plain(source, &header->stacks, words, sizeof(uint64_t), 8,
                             &trace->stack_words, &trace->stack_word_count);
    if (outcome == 0)
        outcome =
            read_plain(source, &header->messages, bytes, 1, 1, &trace->messages, &message_bytes);
    return outcome;
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
static int read_rest(struct trace *trace, struct source *source, char *error, size_t error_bytes)
{
    uint64_t start = trace->header.start_monotonic_ns, now = monotonic_ns();
    uint32_t notable = trace->header.notable.capacity, recent = trace->header.recent.capacity;
    int outcome = entries_load(trace, source);
    if (outcome == 0)
        outcome = read_header(trace, source, error, error_bytes);
    if (outcome == -EBADMSG || outcome == -EPROTONOSUPPORT)
        return outcome;
    /* A disk that fills up made a ring smaller while it was read: its entries have moved. */
    if (outcome == 0 &&
        (notable != trace->header.notable.capacity || recent != trace->header.recent.capacity))
        return fail(trace->file, -EAGAIN, error, error_bytes,
                    "changed while it was read; try again");
    if (outcome == 0)
        outcome = read_named(trace, source);
    if (outcome == 0)
        outcome = runtime_load(trace, source);
    if (outcome)
        return fail(trace->file, outcome, error, error_bytes, strerror(-outcome));
    entries_settle(trace);

    const struct trace_header *header = &trace->header;
    if (trace->running)
        trace->now_ns = now > start ? now - start : 0;
    else
        trace->now_ns = later(header->last_ns, header->end != TRACE_END_NONE ? header->end_ns : 0);
    return 0;
}

static int read_once(const char *path, struct trace **result, char *error, size_t error_bytes)
{
    struct stat status;
    int descriptor = open_regular(path, &status, error, error_bytes);
    if (descriptor < 0)
        return descriptor;
    struct source source = {.descriptor = descriptor, .bytes = (uint64_t)status.st_size};
    struct trace *trace = calloc(1, sizeof(*trace));
    int outcome = -ENOMEM;
    if (trace && (trace->file = strdup(path)))
        outcome = read_header(trace, &source, error, error_bytes);
    else
        fail(path, outcome, error, error_bytes, strerror(ENOMEM));
    if (outcome == 0) {
        trace->running = process_writes(&trace->header, status.st_ino);
        trace->truncated = source.bytes < trace->header.file_bytes;
        source.changing = trace->running;
        outcome = read_rest(trace, &source, error, error_bytes);
    }
    close(descriptor);
    if (outcome) {
        trace_free(trace);
        return outcome;
    }
    *result = trace;
    return 0;
}

int trace_read(const char *path, struct trace **result, char *error, size_t error_bytes)
{
    int outcome = -EAGAIN;

    /* Each of the two rings shrinks once at most. */
    for (unsigned attempt = 0; attempt < 3 && outcome == -EAGAIN; attempt++)
        outcome = read_once(path, result, error, error_bytes);
    return outcome;
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
    free(trace->messages);
    free(trace->types);
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
