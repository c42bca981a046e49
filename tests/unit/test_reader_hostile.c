/* trace/reader on what is cut, damaged, hostile, or no trace at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/reader_traces.h"

static void cut_anywhere(void **state)
{
    (void)state;
    struct builder builder = rich();
    size_t header = sizeof(struct trace_header);
    struct trace *trace;
    for (size_t bytes = 0; bytes < builder.size; bytes++) {
        /* Every byte where the header ends, and every 512 after it. */
        if (bytes % 512 != 0 && (bytes + 8 < header || bytes > header + 8))
            continue;
        int outcome = read_bytes(&builder, bytes, &trace);
        if (bytes < header) {
            assert_int_equal(outcome, -EBADMSG);
            assert_non_null(strstr(error, bytes < 8 ? "not a maptrace trace" : "cut off"));
            continue;
        }
        assert_int_equal(outcome, 0);
        assert_false(trace_complete(trace));
        assert_true(trace->truncated);
        assert_true(trace->array_count <= 2 && trace->open_count <= 1);
        assert_int_equal(trace->bad_entries, 0);
        trace_free(trace);
    }
    builder_free(&builder);
}

static void refuses_what_is_no_trace(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace *trace;
    assert_int_equal(trace_read("/nonexistent/trace", NULL, &trace, error, sizeof(error)), -ENOENT);
    assert_int_equal(trace_read(folder, NULL, &trace, error, sizeof(error)), -EBADMSG);
    assert_int_equal(trace_read("/dev/zero", NULL, &trace, error, sizeof(error)), -EBADMSG);
    builder.header->version = 2;
    assert_int_equal(read_bytes(&builder, builder.size, &trace), -EPROTONOSUPPORT);
    assert_non_null(strstr(error, "version 2"));
    builder.header->version = TRACE_VERSION;
    builder.bytes[0] ^= 1;
    assert_int_equal(read_bytes(&builder, builder.size, &trace), -EBADMSG);
    assert_false(trace_has_magic(path));
    builder.bytes[0] ^= 1;
    builder_write(&builder, path, builder.size);
    assert_true(trace_has_magic(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(trace_has_magic(path));
    assert_int_equal(trace_read(path, NULL, &trace, error, sizeof(error)), -EBADMSG);
    unlink(path);
    builder_free(&builder);
}

static void refuses_layouts_that_make_no_sense(void **state)
{
    (void)state;
    struct builder good = rich();
    struct trace_header *header = good.header;
    const struct {
        void *field;
        unsigned bits;
        uint64_t value;
    } changes[] = {
        {&header->header_bytes, 32, 16},
        {&header->header_bytes, 32, UINT32_MAX},
        {&header->file_bytes, 64, 0},
        {&header->file_bytes, 64, sizeof(*header)},
        {&header->file_bytes, 64, UINT64_MAX},
        {&header->rules.offset, 64, 0},
        {&header->rules.offset, 64, UINT64_MAX},
        {&header->rules.offset, 64, UINT64_MAX - 63},
        {&header->rules.entry_bytes, 32, 0},
        {&header->rules.entry_bytes, 32, offsetof(struct trace_rule, reserved)},
        {&header->rules.capacity, 32, UINT32_MAX},
        {&header->rules_used, 32, 5},
        {&header->modules.entry_bytes, 32, UINT32_MAX},
        {&header->modules.offset, 64, header->arrays.offset},
        {&header->modules_used, 32, UINT32_MAX},
        {&header->stacks.entry_bytes, 32, 16},
        {&header->stacks.capacity, 32, 1u << 31},
        {&header->stack_words_used, 32, 65},
        {&header->arrays.offset, 64, header->file_bytes + 1},
        {&header->arrays.entry_bytes, 32, 4},
        {&header->arrays.capacity, 32, UINT32_MAX},
        {&header->resizes.offset, 64, header->arrays.offset + 8},
        {&header->notable.capacity, 32, 9},
        {&header->recent.entry_bytes, 32, 1},
        {&header->messages.entry_bytes, 32, 2},
        {&header->messages.capacity, 32, UINT32_MAX},
        {&header->message_bytes, 32, 257},
        {&header->command_bytes, 32, TRACE_COMMAND_BYTES + 1},
    };
    struct trace *trace;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint64_t kept = 0;
        size_t bytes = changes[i].bits / 8;
        memcpy(&kept, changes[i].field, bytes);
        memcpy(changes[i].field, &changes[i].value, bytes);
        if (read_bytes(&good, good.size, &trace) != -EBADMSG)
            fail_msg("change %zu went through", i);
        assert_non_null(strstr(error, path));
        memcpy(changes[i].field, &kept, bytes);
    }
    trace_free(read_whole(&good));
    builder_free(&good);
}

/* Every 4 bytes of the header, to values that hurt: an answer, and no crash. */
static void survives_any_header(void **state)
{
    (void)state;
    static const uint32_t values[] = {0,          1,          7,          0x7f,      0xffff,
                                      0x7fffffff, 0x80000000, UINT32_MAX, 0x41414141};
    struct builder builder = rich();
    struct trace *trace;
    for (size_t at = 8; at + 4 <= offsetof(struct trace_header, run_traces); at += 4) {
        /* All of a text is like any part of it. */
        if (at > offsetof(struct trace_header, machine) + 8 &&
            at < offsetof(struct trace_header, command_bytes))
            continue;
        if (at > offsetof(struct trace_header, command) + 8 &&
            at < offsetof(struct trace_header, notable_ns))
            continue;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            uint32_t kept;
            memcpy(&kept, builder.bytes + at, 4);
            memcpy(builder.bytes + at, &values[i], 4);
            if (read_bytes(&builder, builder.size, &trace) == 0)
                trace_free(trace);
            memcpy(builder.bytes + at, &kept, 4);
        }
    }
    builder_free(&builder);
}

static void drops_entries_that_make_no_sense(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 0))->rule = 2;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 1))->state = 9;
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 0))->rule = UINT16_MAX;
    ((struct trace_resize *)builder_entry(&builder, &header->notable, 0))->number = 99;
    ((struct trace_resize *)builder_entry(&builder, &header->recent, 0))->number += 8;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->bad_entries, 5);
    assert_int_equal(trace->array_count + trace->open_count + trace->notable.count, 0);
    assert_int_equal(trace->recent.count, 1);
    assert_false(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

static void survives_hostile_details(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    struct trace_rule *rule = builder_entry(&builder, &header->rules, 0);
    struct trace_module *module = builder_entry(&builder, &header->modules, 0);
    struct trace_resize *resize = builder_entry(&builder, &header->resizes, 0);
    uint64_t *words = builder_entry(&builder, &header->stacks, 0);
    memset(rule->name, 'x', sizeof(rule->name));
    memset(rule->reason, 'x', sizeof(rule->reason));
    rule->kind = 77;
    memset(module->path, 'x', sizeof(module->path));
    module->build_id_bytes = UINT32_MAX;
    memset(header->command, 'x', sizeof(header->command));
    header->command_bytes = sizeof(header->command);
    resize->confidence = 200;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(strlen(trace->rules[0].name), TRACE_NAME_BYTES - 1);
    assert_int_equal(strlen(trace->rules[0].reason), TRACE_REASON_BYTES - 1);
    assert_int_equal(trace->rules[0].kind, TRACE_IMMEDIATE);
    assert_int_equal(strlen(trace->modules[0].path), TRACE_PATH_BYTES - 1);
    assert_int_equal(trace->modules[0].build_id_bytes, 0);
    assert_int_equal(strlen(trace->header.command), TRACE_COMMAND_BYTES - 1);
    assert_int_equal(trace->open[0].confidence, TRACE_AMBIGUOUS);
    trace_free(trace);

    const uint64_t *frames;
    static const uint64_t lengths[] = {3, 64, 65, 0xffff, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        words[1] = lengths[i];
        trace = read_whole(&builder);
        assert_int_equal(trace_stack(trace, 1, &frames), 0);
        assert_int_equal(trace_stack(trace, UINT32_MAX, &frames), 0);
        assert_int_equal(trace_stack(trace, trace->stack_word_count, &frames), 0);
        trace_free(trace);
    }
    builder_free(&builder);
}

/* Entries may grow at their end without a new version. */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(refuses_what_is_no_trace),
        cmocka_unit_test(refuses_layouts_that_make_no_sense),
        cmocka_unit_test(survives_any_header),
        cmocka_unit_test(drops_entries_that_make_no_sense),
        cmocka_unit_test(survives_hostile_details),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
