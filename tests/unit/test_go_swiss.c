/* How long arrays of Swiss maps stay, from times that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "golang/swiss.h"

enum { MS = 1000000 };

static void test_until_the_next_collection(void **context)
{
    struct go_swiss swiss = {0};
    char line[GO_SWISS_LINE + 1] = "";

    (void)context;
    go_swiss_collection(&swiss, 0);
    go_swiss_event(&swiss, false, 100 * MS);
    go_swiss_event(&swiss, true, 140 * MS);
    go_swiss_drained(&swiss);
    go_swiss_say(&swiss, line);
    assert_non_null(strstr(line, "no garbage collection has ended since\n"));
    /* One more comes before that of 200 ms ended, and one after it. */
    go_swiss_collection(&swiss, 200 * MS);
    go_swiss_event(&swiss, false, 180 * MS);
    go_swiss_event(&swiss, false, 201 * MS);
    go_swiss_drained(&swiss);
    assert_int_equal(swiss.collected, 3);
    assert_int_equal(swiss.stayed_ns, (100 + 60 + 20) * MS);
    assert_int_equal(swiss.longest_ns, 100 * MS);
    go_swiss_collection(&swiss, 203 * MS);
    go_swiss_drained(&swiss);
    assert_int_equal(swiss.collected, 4);
    assert_int_equal(swiss.stayed_ns, 182 * MS);
    memset(line, 0, sizeof line);
    size_t bytes = go_swiss_say(&swiss, line);
    assert_int_equal(bytes, strlen(line));
    assert_string_equal(line,
                        "Swiss maps: 3 tables were replaced by larger ones, and 1 were split; "
                        "what they left stayed until the next garbage collection, at the "
                        "least: 45 ms on average, 100 ms at most\n");
}

/* The end is read before the events: it may be known later than it was. */
static void test_collection_that_was_over_before(void **context)
{
    struct go_swiss swiss = {0};

    (void)context;
    go_swiss_event(&swiss, false, 300 * MS);
    go_swiss_drained(&swiss);
    go_swiss_collection(&swiss, 299 * MS);
    go_swiss_drained(&swiss);
    assert_int_equal(swiss.collected, 1);
    assert_int_equal(swiss.stayed_ns, 0);
    assert_int_equal(swiss.longest_ns, 0);
}

static void test_the_longest_line_fits(void **context)
{
    const struct go_swiss swiss = {.grows = UINT64_MAX,
                                   .splits = UINT64_MAX,
                                   .collected = 1,
                                   .stayed_ns = UINT64_MAX,
                                   .longest_ns = UINT64_MAX};
    char line[GO_SWISS_LINE];

    (void)context;
    assert_true(go_swiss_say(&swiss, line) <= sizeof line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_until_the_next_collection),
        cmocka_unit_test(test_collection_that_was_over_before),
        cmocka_unit_test(test_the_longest_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
