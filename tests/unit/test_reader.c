/* trace/reader on traces of processes that are dead: all that they hold, and what they have lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/reader_traces.h"
#include "trace/reader_layout.h"

static void reads_everything(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace *trace = read_whole(&builder);
    assert_true(trace_complete(trace));
    assert_false(trace->running);
    assert_int_equal(trace->now_ns, 10 * S);
    assert_int_equal(trace->rule_count, 2);
    assert_string_equal(trace->rules[1].name, "second");
    assert_int_equal(trace->module_count, 1);
    assert_int_equal(trace->array_count, 2);
    assert_int_equal(trace->arrays[1].bytes, 128);
    assert_int_equal(trace->open_count, 1);
    assert_int_equal(trace->notable.count, 1);
    assert_int_equal(trace->recent.count, 2);
    assert_int_equal(trace->recent.overwritten, 0);
    assert_string_equal(trace->messages, "a message\n");
    const uint64_t *frames;
    assert_int_equal(trace_stack(trace, trace->open[0].stack, &frames), 2);
    assert_int_equal(TRACE_FRAME_ADDRESS(frames[1]), 0x5678);
    assert_string_equal(trace_frame_module(trace, frames[0])->path, "/opt/app/bin/app");
    assert_null(trace_frame_module(trace, builder_frame(TRACE_NO_MODULE, 1)));
    assert_null(trace_frame_module(trace, builder_frame(1, 1)));
    trace_free(trace);
    builder_free(&builder);
}

static void a_dead_process_is_judged_by_its_last_word(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->end = TRACE_END_NONE;
    builder.header->last_ns = 7 * S;
    struct trace *trace = read_whole(&builder);
    assert_false(trace->running);
    assert_int_equal(trace->now_ns, 7 * S);
    trace_free(trace);
    /* Destructors still release after exit() was seen. */
    builder.header->end = TRACE_END_EXIT;
    builder.header->end_ns = 5 * S;
    trace = read_whole(&builder);
    assert_int_equal(trace->now_ns, 7 * S);
    trace_free(trace);
    builder_free(&builder);
}

static void a_resize_that_ends_meanwhile_is_seen_once(void **state)
{
    (void)state;
    struct builder builder = rich();
    /* In the ring already, its live entry not yet cleared. */
    builder_notable(&builder, 1, S, 5 * S);
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->notable.count, 2);
    assert_true(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

/* --- losses ----------------------------------------------------------------------- */

static void entries_cut_in_the_middle_are_counted(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 0))->sequence = 7;
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 0))->sequence = 3;
    /* Free as it may look: it is neither used nor free. */
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 5))->sequence = 1;
    ((struct trace_resize *)builder_entry(&builder, &header->recent, 1))->number = 0;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->cut_entries, 4);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->recent.count, 1);
    assert_false(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

static void a_record_after_the_last_counted_one(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->recent_written--; /* finished, but not yet counted when the process died */
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->recent.count, 2);
    assert_int_equal(trace->cut_entries + trace->bad_entries, 0);
    trace_free(trace);
    ((struct trace_resize *)builder_entry(&builder, &builder.header->recent, 1))->number = 0;
    trace = read_whole(&builder);
    assert_int_equal(trace->recent.count, 1);
    assert_int_equal(trace->cut_entries, 1);
    trace_free(trace);
    builder_free(&builder);
}

static void rings_wrap(void **state)
{
    (void)state;
    for (uint64_t written = 1; written <= 40; written++) {
        struct builder builder = builder_small(); /* rings of 8 */
        builder_rule(&builder, "rule", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
        for (uint64_t n = 0; n < written; n++)
            builder_recent(&builder, n + 1, S, S + 1);
        struct trace *trace = read_whole(&builder);
        uint64_t kept = written < 8 ? written : 8;
        assert_int_equal(trace->recent.count, kept);
        assert_int_equal(trace->recent.overwritten, written - kept);
        for (uint64_t i = 0; i < kept; i++)
            assert_int_equal(trace->recent.records[i].number, written - kept + i + 1);
        assert_true(trace_complete(trace));
        trace_free(trace);
        /* Killed while it wrote over the oldest. */
        if (written > 8) {
            ((struct trace_resize *)builder_entry(&builder, &builder.header->recent, written % 8))
                ->number = 0;
            trace = read_whole(&builder);
            assert_int_equal(trace->recent.count, 7);
            assert_int_equal(trace->cut_entries, 1);
            trace_free(trace);
        }
        builder_free(&builder);
    }
}

struct odd {
    unsigned passes;
    uint64_t seen[64];
    size_t count;
};

static bool two_passes(void *context, const struct trace *trace, unsigned number)
{
    struct odd *odd = context;
    assert_int_equal(trace->rule_count, 1);
    odd->passes = number;
    return number < 2;
}

static bool keep_odd(void *context, const struct trace *trace, const struct trace_resize *resize)
{
    struct odd *odd = context;
    (void)trace;
    odd->seen[odd->count++] = resize->number;
    return resize->number % 2;
}

static void a_sieve_says_what_is_kept(void **state)
{
    (void)state;
    struct builder builder = builder_small(); /* rings of 8 */
    struct odd odd = {0};
    struct trace_sieve sieve = {two_passes, keep_odd, &odd};
    struct trace *trace;
    builder_rule(&builder, "rule", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
    builder_open(&builder, 13, S); /* is in the ring, too, and not kept there */
    for (uint64_t n = 0; n < 13; n++)
        builder_recent(&builder, n + 1, S, S + 5);
    builder_open(&builder, 10, S);
    builder_write(&builder, path, builder.size);
    assert_int_equal(trace_read(path, &sieve, &trace, error, sizeof(error)), 0);
    assert_int_equal(odd.passes, 2);
    assert_int_equal(odd.count, 16);
    for (size_t i = 0; i < odd.count; i++)
        assert_int_equal(odd.seen[i], 6 + i % 8);
    assert_int_equal(trace->recent.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(trace->recent.records[i].number, 7 + 2 * i);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->held[0][3], 8);
    assert_true(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

/* Entries may grow at their end without a new version. */
static void reads_larger_entries(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    /* Take every second entry's place as the growth of the one before. */
    header->arrays.entry_bytes *= 2;
    header->arrays.capacity /= 2;
    header->recent.entry_bytes *= 2;
    header->recent.capacity /= 2;
    header->recent_written = 1;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->arrays[0].address, 0x1000);
    assert_int_equal(trace->recent.count, 1);
    assert_int_equal(trace->recent.records[0].table_id, 3);
    trace_free(trace);
    builder_free(&builder);
}

/* What follows a shorter header is no part of it. */
static void reads_the_header_of_an_older_writer(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->header_bytes = TRACE_HEADER_LEAST;
    memset(builder.bytes + TRACE_HEADER_LEAST, 0x41,
           sizeof(struct trace_header) - TRACE_HEADER_LEAST);
    struct trace *trace = read_whole(&builder);
    assert_true(trace_complete(trace));
    assert_int_equal(trace->open_count, 1);
    assert_int_equal(trace->type_count, 0);
    assert_int_equal(trace->header.types.capacity, 0);
    trace_free(trace);
    builder_free(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(a_dead_process_is_judged_by_its_last_word),
        cmocka_unit_test(a_resize_that_ends_meanwhile_is_seen_once),
        cmocka_unit_test(entries_cut_in_the_middle_are_counted),
        cmocka_unit_test(a_record_after_the_last_counted_one),
        cmocka_unit_test(rings_wrap),
        cmocka_unit_test(a_sieve_says_what_is_kept),
        cmocka_unit_test(reads_larger_entries),
        cmocka_unit_test(reads_the_header_of_an_older_writer),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
