/*
 * Hostile traces, from the file to the report. An input that begins like a
 * trace is one; any other is a list of changes to a good trace, which get
 * further: two bytes of offset, one of length, and so many bytes.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyzer/inputs.h"
#include "analyzer/json.h"
#include "analyzer/names.h"
#include "analyzer/report.h"
#include "analyzer/text.h"
#include "testdata/traces/builder.h"

static struct builder good_trace(void)
{
    struct builder builder = builder_new((struct builder_sizes){2, 2, 16, 4, 4, 4, 4, 64});
    builder_rule(&builder, "first", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
    builder_rule(&builder, "second", TRACE_INCREMENTAL, TRACE_RULE_BLIND)->flags = TRACE_RULE_USER;
    uint32_t module = builder_module(&builder, "/opt/app/bin/app", NULL, 0);
    uint64_t frames[] = {builder_frame(module, 0x1234), builder_frame(TRACE_NO_MODULE, 0x5678)};
    uint32_t stack = builder_stack(&builder, frames, 2);
    builder_array(&builder, 0x1000, 64, 1)->stack = stack;
    builder_array(&builder, 0x2000, 128, 2);
    builder_open(&builder, 1, 1000000000)->stack = stack;
    builder_end_of_resize(builder_open(&builder, 2, 1000000000), 2000000000);
    for (uint64_t n = 3; n < 9; n++)
        builder_notable(&builder, n, 1000000000, 1000000000 * n);
    builder_recent(&builder, 9, 1000000000, 1000000001);
    struct trace_resize *map = builder_open(&builder, 10, 1000000000);
    map->type = builder_type(&builder, "map[string]int");
    map->rule = 1;
    map->of = 1024;
    map->entries = 6656;
    map->stack = stack;
    struct trace_array *array = builder_array(&builder, 0x3000, 1 << 20, 3);
    array->type = map->type;
    array->flags = TRACE_ARRAY_COUNTED;
    struct trace_site *site = builder_site(&builder, map->type, stack);
    site->resizes = site->most_resizes = 12;
    site->replaced_bytes = 1 << 20;
    for (uint64_t cycles = 1; cycles < 7; cycles++)
        builder_collection(&builder, cycles * 1000000000, cycles);
    builder_message(&builder, "a message");
    return builder;
}

static void change(struct builder *builder, const uint8_t *data, size_t size)
{
    while (size > 3) {
        size_t at = data[0] | (size_t)data[1] << 8, length = data[2];
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        /* An offset past the end cuts the file instead. */
        if (at + length <= builder->size)
            memcpy(builder->bytes + at, data, length);
        else
            builder->size = at % (builder->size + 1);
        data += length;
        size -= length;
    }
}

static void show(const struct inputs *inputs, const struct judge_limits *limits)
{
    struct report report;
    struct names *names = names_new();
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (names && out && report_make(&report, inputs->traces, inputs->count, limits) == 0) {
        text_write(out, &report, names, false);
        json_write(out, &report, inputs->past, names);
        report_free(&report);
    }
    if (out)
        fclose(out);
    free(text);
    names_free(names);
}

static void read_and_show(const void *bytes, size_t size)
{
    char path[64], error[256] = "";
    int descriptor = memfd_create("trace", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    const struct inputs_wish wish = {{.grace_ns = 100000000, .stall_ns = 1000000000}, 4};
    struct inputs inputs;
    if (inputs_read(&inputs, &wish, (char *const[]){path}, 1, error, sizeof(error)) == 0) {
        show(&inputs, &wish.limits);
        inputs_free(&inputs);
    } else if (!*error) {
        abort();
    }
    close(descriptor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 8 && memcmp(data, TRACE_MAGIC, 8) == 0) {
        read_and_show(data, size);
        return 0;
    }
    struct builder builder = good_trace();
    change(&builder, data, size);
    read_and_show(builder.bytes, builder.size);
    builder_free(&builder);
    return 0;
}
