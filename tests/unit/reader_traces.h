/* Traces for tests of trace/reader: something of everything, in a folder of the test's own. */
#ifndef MAPTRACE_TESTS_UNIT_READER_TRACES_H
#define MAPTRACE_TESTS_UNIT_READER_TRACES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testdata/traces/builder.h"
#include "trace/reader.h"

#define S UINT64_C(1000000000)

static char folder[] = "/tmp/test_reader.XXXXXX";
static char path[sizeof(folder) + 16];
static char error[512];

static inline int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/trace", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* Something of everything, in every region. */
static inline struct builder rich(void)
{
    struct builder builder = builder_small();
    builder_rule(&builder, "first", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
    builder_rule(&builder, "second", TRACE_INCREMENTAL, TRACE_RULE_IDLE);
    uint32_t module = builder_module(&builder, "/opt/app/bin/app", NULL, 0);
    uint64_t frames[] = {builder_frame(module, 0x1234), builder_frame(module, 0x5678)};
    uint32_t stack = builder_stack(&builder, frames, 2);
    builder_array(&builder, 0x1000, 64, 1)->stack = stack;
    builder_array(&builder, 0x2000, 128, 1);
    builder_open(&builder, 1, S)->stack = stack;
    builder_notable(&builder, 2, S, 2 * S);
    builder_recent(&builder, 3, S, S + 1);
    builder_recent(&builder, 4, S, S + 1);
    builder_message(&builder, "a message");
    return builder;
}

static inline int read_bytes(const struct builder *builder, size_t bytes, struct trace **trace)
{
    builder_write(builder, path, bytes);
    return trace_read(path, NULL, trace, error, sizeof(error));
}

static inline struct trace *read_whole(const struct builder *builder)
{
    struct trace *trace = NULL;
    int outcome = read_bytes(builder, builder->size, &trace);
    if (outcome != 0)
        fail_msg("%s", error);
    return trace;
}

#endif
