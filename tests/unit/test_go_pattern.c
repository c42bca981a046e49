/* golang/pattern: exactly what is expected, with the nops of an assembler, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golang/pattern.h"

static const char pattern[] = "83 3d .. .. .. .. 00 nop 74 .. nop 48 8b 48 18";

static void test_with_and_without_nops(void **state)
{
    static const unsigned char tight[] = {0x55, 0x83, 0x3d, 1,    2,    3,    4,
                                          0,    0x74, 0x0c, 0x48, 0x8b, 0x48, 0x18};
    static const unsigned char wide[] = {0x83, 0x3d, 1,    2,    3,    4,    0,
                                         0x66, 0x90, 0x90, 0x74, 0x0c, 0x0f, 0x1f,
                                         0x44, 0x00, 0x00, 0x48, 0x8b, 0x48, 0x18};

    (void)state;
    assert_int_equal(pattern_find(tight, sizeof tight, pattern), 1);
    assert_int_equal(pattern_find(wide, sizeof wide, pattern), 0);
}

static void test_other_instructions(void **state)
{
    static const unsigned char other[] = {0x83, 0x3d, 1,    2,    3,    4,   0,
                                          0x75, 0x0c, 0x48, 0x8b, 0x48, 0x18};
    static const unsigned char between[] = {0x83, 0x3d, 1,    2,    3,    4,    0,
                                            0xcc, 0x74, 0x0c, 0x48, 0x8b, 0x48, 0x18};

    (void)state;
    assert_int_equal(pattern_find(other, sizeof other, pattern), PATTERN_NONE);
    assert_int_equal(pattern_find(between, sizeof between, pattern), PATTERN_NONE);
}

static void test_cut_code(void **state)
{
    static const unsigned char code[] = {0x83, 0x3d, 1,    2,    3,    4,   0,
                                         0x74, 0x0c, 0x48, 0x8b, 0x48, 0x18};

    (void)state;
    for (size_t bytes = 0; bytes < sizeof code; bytes++)
        assert_false(pattern_begins(code, bytes, pattern));
    assert_true(pattern_begins(code, sizeof code, pattern));
}

static void test_twice_is_not_found(void **state)
{
    static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0x90, 0xb8, 2, 0, 0, 0};

    (void)state;
    assert_int_equal(pattern_find(code, sizeof code, "b8 .. 00 00 00"), PATTERN_NONE);
    assert_int_equal(pattern_find(code, sizeof code, "b8 02 00 00 00"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_and_without_nops),
        cmocka_unit_test(test_other_instructions),
        cmocka_unit_test(test_cut_code),
        cmocka_unit_test(test_twice_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
