#define _GNU_SOURCE /* asprintf */
#include "indexer/index.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/calls.h"
#include "indexer/debug_file.h"
#include "indexer/functions.h"
#include "indexer/mini.h"
#include "indexer/symbols.h"

/* Adds a `note` line; what does not fit into memory is no great loss. */
static void note(void *context, const char *text)
{
    struct report *report = context;
    char *notes = NULL;

    if (asprintf(&notes, "%snote %s\n", report->notes ? report->notes : "", text) < 0)
        return;
    free(report->notes);
    report->notes = notes;
}

static int read_mini(struct report *report, Elf *elf, const struct rule_matcher *matcher)
{
    const char *problem = NULL;
    char *image;
    Elf *mini = mini_open(elf, &image, &problem);
    int error = 0;

    if (problem)
        note(report, problem);
    if (mini) {
        error = symbols_read(mini, SHT_SYMTAB, RANGE_MINI, matcher, &report->ranges);
        elf_end(mini);
        free(image);
    }
    return error;
}

/* The symbols and DWARF of a separate debug file. Its addresses are those of the file itself. */
static int read_debug_file(struct report *report, struct object *debug,
                           const struct rule_matcher *matcher)
{
    int error = symbols_read(debug->elf, SHT_SYMTAB, RANGE_DEBUG, matcher, &report->ranges);

    return error ? error
                 : functions_read(debug, matcher, &report->ranges, &report->whole, note, report);
}

static int read_object(struct report *report, struct object *object, const struct rule_text *rules,
                       const char *debug_folder)
{
    const struct rule_matcher *matcher = rules->matcher;
    struct object debug;
    int error = symbols_read(object->elf, SHT_SYMTAB, RANGE_SYMBOL, matcher, &report->ranges);

    if (!error)
        error = symbols_read(object->elf, SHT_DYNSYM, RANGE_DYNAMIC, matcher, &report->ranges);
    if (!error)
        error = read_mini(report, object->elf, matcher);
    if (!error)
        error = functions_read(object, matcher, &report->ranges, &report->whole, note, report);
    if (!error && !report->whole && debug_file_open(object, report->path, debug_folder, &debug)) {
        error = read_debug_file(report, &debug, matcher);
        object_close(&debug);
    }
    return error;
}

/* What cannot be written down is left out: the guest then marks nothing. */
static void find_calls(struct report *report, Elf *elf)
{
    size_t bytes;
    FILE *out = open_memstream(&report->calls, &bytes);

    if (!out)
        return;
    report->call_lines = calls_write(elf, &report->ranges, out);
    bool failed = ferror(out);
    if (fclose(out) || failed) {
        free(report->calls);
        report->calls = NULL;
        report->call_lines = 0;
    }
}

void index_file(struct report *report, const char *path, const struct rule_text *rules,
                const char *debug_folder)
{
    struct object object;
    int error = object_open(&object, path);

    *report = (struct report){.path = path};
    if (!error) {
        memcpy(report->build_id, object.build_id, object.build_id_bytes);
        report->build_id_bytes = object.build_id_bytes;
        error = read_object(report, &object, rules, debug_folder);
        ranges_settle(&report->ranges);
        if (!error)
            find_calls(report, object.elf);
        object_close(&object);
    }
    if (error == -ENOEXEC)
        report->error = "this is no 64-bit little-endian ELF file";
    else if (error == -EINVAL)
        report->error = "this is no regular file";
    else if (error)
        report->error = strerror(-error);
}

void index_release(struct report *report)
{
    ranges_free(&report->ranges);
    free(report->notes);
    free(report->calls);
    report->notes = report->calls = NULL;
}
