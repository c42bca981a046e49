/* analyzer/past_tables and number_set: the largest of any number of tables, whole, in bounded
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "analyzer/number_set.h"
#include "analyzer/past_tables.h"

static struct trace_resize resize_of(uint64_t id, uint64_t bytes, uint64_t replaced_ns)
{
    return (struct trace_resize){.number = 1,
                                 .table_id = id,
                                 .table = 0x1000 * id,
                                 .old_bytes = bytes / 2,
                                 .new_bytes = bytes,
                                 .replaced_ns = replaced_ns,
                                 .stack = (uint32_t)replaced_ns,
                                 .flags = TRACE_RESIZE_RELEASED};
}

/* Feeds COUNT resizes, in as many passes as are wanted. Returns how many those were. */
static unsigned feed(struct past_tables *past, const struct trace *trace,
                     const struct trace_resize *resizes, size_t count)
{
    unsigned pass = 0;
    for (; past_tables_pass(past, trace, pass); pass++)
        for (size_t i = 0; i < count; i++)
            past_tables_add(past, &resizes[i]);
    return pass;
}

static void the_last_resize_says_what_a_table_is(void **state)
{
    (void)state;
    struct trace_resize resizes[] = {resize_of(1, 4096, 10), resize_of(2, 100, 20),
                                     resize_of(1, 512, 40), resize_of(1, 256, 30)};
    resizes[2].holder = 0x77;
    resizes[3].table_resizes = 9;
    struct trace trace = {0};
    struct past_tables *past = past_tables_new(10);
    const struct past_table *tables;
    size_t count, left_out;
    assert_int_equal(feed(past, &trace, resizes, 4), 1);
    assert_int_equal(past_tables_result(past, &tables, &count, &left_out), 0);
    assert_int_equal(count, 2);
    assert_int_equal(left_out, 0);
    assert_int_equal(tables[0].id, 1);
    assert_int_equal(tables[0].peak_bytes, 4096);
    assert_int_equal(tables[0].stack, 40);
    assert_int_equal(tables[0].holder, 0x77);
    assert_int_equal(tables[0].seen_resizes, 3);
    assert_int_equal(tables[0].most_resizes, 9);
    assert_int_equal(tables[1].id, 2);
    past_tables_free(past);
}

static void neither_live_nor_inherited_nor_nameless(void **state)
{
    (void)state;
    struct trace_array array = {.table_id = 1};
    struct trace_resize open = resize_of(5, 64, 1);
    struct trace trace = {.arrays = &array, .array_count = 1, .open = &open, .open_count = 1};
    struct trace_resize resizes[] = {resize_of(1, 4096, 10), resize_of(2, 100, 20),
                                     resize_of(0, 512, 40), resize_of(3, 256, 30)};
    resizes[3].flags |= TRACE_RESIZE_INHERITED;
    struct past_tables *past = past_tables_new(10);
    const struct past_table *tables;
    size_t count, left_out;
    feed(past, &trace, resizes, 4);
    assert_int_equal(past_tables_result(past, &tables, &count, &left_out), 0);
    assert_int_equal(count, 2);
    assert_int_equal(tables[0].id, 2);
    assert_int_equal(tables[1].id, 5);
    past_tables_free(past);
}

/*
 * Many more tables than there is room for, each with a small resize first and a
 * larger one long after, when it has been forgotten.
 */
static void what_was_forgotten_comes_back_whole(void **state)
{
    (void)state;
    enum { TABLES = 100000, KEPT = 50 };
    struct trace_resize *resizes = calloc(2 * TABLES, sizeof(*resizes));
    struct trace trace = {0};
    struct past_tables *past = past_tables_new(KEPT);
    const struct past_table *tables;
    size_t count, left_out;
    for (uint64_t i = 0; i < TABLES; i++) {
        /* 7919 is prime to the number of tables: every size comes once. */
        uint64_t rank = i * 7919 % TABLES;
        resizes[i] = resize_of(i + 1, 16, i);
        resizes[TABLES + i] = resize_of(i + 1, 1000 + rank, TABLES + i);
    }
    assert_int_equal(feed(past, &trace, resizes, 2 * TABLES), 2);
    assert_int_equal(past_tables_result(past, &tables, &count, &left_out), 0);
    assert_int_equal(count, KEPT);
    assert_int_equal(left_out, TABLES - KEPT);
    for (size_t i = 0; i < KEPT; i++) {
        assert_int_equal(tables[i].peak_bytes, 1000 + TABLES - 1 - i);
        assert_int_equal(tables[i].seen_resizes, 2);
        assert_true(tables[i].last_ns >= TABLES);
    }
    past_tables_free(past);
    free(resizes);
}

static void one_pass_is_enough_for_equals(void **state)
{
    (void)state;
    enum { TABLES = 100000, KEPT = 50 };
    struct trace trace = {0};
    struct past_tables *past = past_tables_new(KEPT);
    const struct past_table *tables;
    size_t count, left_out;
    assert_true(past_tables_pass(past, &trace, 0));
    for (uint64_t i = 0; i < 3 * TABLES; i++) {
        struct trace_resize resize = resize_of(1 + i / 3, 16ul << i % 3, i);
        past_tables_add(past, &resize);
    }
    assert_false(past_tables_pass(past, &trace, 1));
    assert_int_equal(past_tables_result(past, &tables, &count, &left_out), 0);
    assert_int_equal(count, KEPT);
    assert_int_equal(left_out, TABLES - KEPT);
    for (size_t i = 0; i < KEPT; i++) {
        assert_int_equal(tables[i].peak_bytes, 64);
        assert_int_equal(tables[i].seen_resizes, 3);
    }
    past_tables_free(past);
}

static void a_new_trace_begins_anew(void **state)
{
    (void)state;
    struct trace trace = {0};
    struct trace_resize first = resize_of(1, 64, 1), second = resize_of(2, 64, 1);
    struct past_tables *past = past_tables_new(10);
    const struct past_table *tables;
    size_t count, left_out;
    assert_true(past_tables_pass(past, &trace, 0));
    past_tables_add(past, &first);
    feed(past, &trace, &second, 1);
    assert_int_equal(past_tables_result(past, &tables, &count, &left_out), 0);
    assert_int_equal(count, 1);
    assert_int_equal(left_out, 0);
    assert_int_equal(tables[0].id, 2);
    past_tables_free(past);
}

static void a_set_holds_what_was_added(void **state)
{
    (void)state;
    struct number_set set = {0};
    static const uint64_t far[] = {0, UINT64_MAX, UINT64_MAX - 63, UINT64_MAX / 2, 1};
    assert_false(number_set_has(&set, 0));
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
        assert_int_equal(number_set_add(&set, far[i]), 1);
    for (uint64_t n = 1000; n < 200000; n += 3)
        assert_int_equal(number_set_add(&set, n), 1);
    for (uint64_t n = 1000; n < 200000; n++) {
        assert_int_equal(number_set_has(&set, n), (n - 1000) % 3 == 0);
        assert_int_equal(number_set_add(&set, n), (n - 1000) % 3 != 0);
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
        assert_int_equal(number_set_add(&set, far[i]), 0);
    number_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_resize_says_what_a_table_is),
        cmocka_unit_test(neither_live_nor_inherited_nor_nameless),
        cmocka_unit_test(what_was_forgotten_comes_back_whole),
        cmocka_unit_test(one_pass_is_enough_for_equals),
        cmocka_unit_test(a_new_trace_begins_anew),
        cmocka_unit_test(a_set_holds_what_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
