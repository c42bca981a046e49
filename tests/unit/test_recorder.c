/* preload/recorder against trace/reader: what one wrote the other reads, at the end and meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/lock.h"
#include "preload/recorder.h"
#include "tests/unit/guest_alone.h"
#include "trace/reader.h"

static char folder[] = "/tmp/test_recorder.XXXXXX";
static char path[sizeof(folder) + 16];
static char error[512];

static int start(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/trace", folder);
    struct recorder_plan plan = {.ring_bytes = 64 << 10, .path = path};
    int outcome = lock_init() || recorder_prepare(&plan);
    struct trace_header *header = recorder_header();
    strcpy(recorder_rule(0)->name, "rule");
    recorder_rule(0)->status = TRACE_RULE_ACTIVE;
    header->rules_used = 1;
    return outcome;
}

static int end(void **state)
{
    (void)state;
    char old[sizeof(path) + 4];
    snprintf(old, sizeof(old), "%s.old", path);
    unlink(path);
    unlink(old);
    return rmdir(folder);
}

static struct trace *read_it(void)
{
    struct trace *trace = NULL;
    if (trace_read(path, NULL, &trace, error, sizeof(error)) != 0)
        fail_msg("%s", error);
    return trace;
}

static struct trace_resize finished(uint64_t n, uint64_t overstay)
{
    return (struct trace_resize){.state = TRACE_SLOT_USED,
                                 .flags = TRACE_RESIZE_RELEASED | TRACE_RESIZE_END_SEEN,
                                 .table_id = n,
                                 .old_address = n * 64,
                                 .old_bytes = n,
                                 .replaced_ns = n,
                                 .resize_end_ns = n,
                                 .released_ns = n + overstay,
                                 .moved = TRACE_UNKNOWN,
                                 .of = TRACE_UNKNOWN};
}

/* Begun in memory, with something in it already, as a descendant's is. */
static void what_was_there_before_the_file(void **state)
{
    (void)state;
    struct stat status;
    struct trace_resize early = finished(1, 0);
    uint64_t frames[] = {0x1111, 0x2222};
    uint32_t stack = recorder_stack(frames, 2);
    FILE *file = fopen(path, "w");
    fputs("in the way", file);
    fclose(file);
    early.stack = stack;
    recorder_finished(&early);
    recorder_message("early %d", 1);
    assert_false(recorder_has_file());
    assert_int_equal(recorder_begin(), 0);
    assert_true(recorder_has_file());
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);

    struct trace *trace = read_it();
    const uint64_t *found;
    assert_true(trace->running && trace_complete(trace));
    assert_int_equal(trace->recent.count, 1);
    assert_int_equal(trace->recent.records[0].table_id, 1);
    assert_int_equal(trace_stack(trace, trace->recent.records[0].stack, &found), 2);
    assert_memory_equal(found, frames, sizeof(frames));
    assert_string_equal(trace->messages, "early 1\n");
    trace_free(trace);
    assert_int_equal(recorder_stack(frames, 2), stack);
    assert_int_not_equal(recorder_stack(frames, 1), stack);
}

static void live_entries_come_and_go(void **state)
{
    (void)state;
    struct trace_array array = {.state = TRACE_SLOT_USED, .address = 0x1000, .bytes = 64};
    struct trace_resize open = {.state = TRACE_SLOT_USED, .old_address = 0x1000, .replaced_ns = 7};
    for (uint32_t index = 1; index <= 3; index++) {
        assert_true(recorder_array_fits(index) && recorder_resize_fits(index));
        array.table_id = open.table_id = index;
        open.old_address += 0x1000;
        recorder_array(index, &array);
        recorder_resize(index, &open);
    }
    assert_false(recorder_array_fits(recorder_array_room()));
    array.state = open.state = TRACE_SLOT_FREE;
    recorder_array(2, &array);
    recorder_resize(2, &open);
    struct trace *trace = read_it();
    assert_int_equal(trace->array_count, 2);
    assert_int_equal(trace->arrays[1].table_id, 3);
    assert_int_equal(trace->open_count, 2);
    assert_int_equal(trace->open[0].table_id, 1);
    trace_free(trace);
    array.state = open.state = TRACE_SLOT_FREE;
    for (uint32_t index = 1; index <= 3; index++) {
        recorder_array(index, &array);
        recorder_resize(index, &open);
    }
}

static void long_ones_are_not_pushed_out(void **state)
{
    (void)state;
    uint64_t before = recorder_header()->recent_written;
    struct trace_resize record = finished(5, 60000000000);
    recorder_finished(&record);
    for (uint64_t n = 0; n < 10000; n++) {
        record = finished(100 + n, 5);
        recorder_finished(&record);
    }
    struct trace *trace = read_it();
    assert_int_equal(trace->notable.count, 1);
    assert_int_equal(trace->notable.records[0].table_id, 5);
    assert_int_equal(trace->header.recent_written, before + 10000);
    assert_int_equal(trace->recent.count, trace->header.recent.capacity);
    assert_int_equal(trace->recent.overwritten, before + 10000 - trace->recent.count);
    for (size_t i = 0; i < trace->recent.count; i++)
        assert_int_equal(trace->recent.records[i].table_id, 100 + 10000 - trace->recent.count + i);
    assert_true(trace_complete(trace));
    trace_free(trace);
}

/* --- threads ---------------------------------------------------------------------- */

static bool stop;

/* One number in many places: a record that is torn shows. */
static void *write_on(void *which)
{
    uint32_t index = (uint32_t)(uintptr_t)which;
    for (uint64_t n = 1; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); n++) {
        struct trace_resize record = finished(n, 0);
        struct trace_array array = {
            .state = TRACE_SLOT_USED, .address = n, .bytes = n, .table_id = n};
        uint64_t frames[] = {n % 50, index};
        lock_take();
        record.stack = recorder_stack(frames, 2);
        recorder_finished(&record);
        recorder_array(index, &array);
        lock_release();
    }
    return NULL;
}

static void never_torn_while_others_write(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, write_on, (void *)(i + 1));
    for (unsigned round = 0; round < 50; round++) {
        struct trace *trace = read_it();
        assert_true(trace->running);
        assert_int_equal(trace->bad_entries + trace->cut_entries, 0);
        for (size_t i = 0; i < trace->array_count; i++)
            assert_true(trace->arrays[i].address == trace->arrays[i].bytes &&
                        trace->arrays[i].address == trace->arrays[i].table_id);
        for (size_t i = 0; i < trace->recent.count; i++) {
            const struct trace_resize *record = &trace->recent.records[i];
            const uint64_t *frames;
            assert_true(record->table_id == record->old_bytes &&
                        record->table_id * 64 == record->old_address);
            assert_true(!record->stack || trace_stack(trace, record->stack, &frames) == 2);
        }
        trace_free(trace);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void a_word_at_the_end(void **state)
{
    (void)state;
    recorder_end();
    struct trace *trace = read_it();
    assert_int_equal(trace->header.end, TRACE_END_EXIT);
    assert_true(trace->header.end_ns > 0 && trace->header.last_ns >= trace->header.end_ns);
    trace_free(trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_before_the_file),
        cmocka_unit_test(live_entries_come_and_go),
        cmocka_unit_test(long_ones_are_not_pushed_out),
        cmocka_unit_test(never_torn_while_others_write),
        cmocka_unit_test(a_word_at_the_end),
    };
    return cmocka_run_group_tests(tests, start, end);
}
