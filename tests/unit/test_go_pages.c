/* preload/go_pages: what golang/ in the library has instead of malloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "preload/go_names.h"
#include "tests/unit/guest_alone.h"

static void assert_all(const unsigned char *block, unsigned char value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(block[i], value);
}

static void test_blocks_do_not_overlap(void **state)
{
    enum { COUNT = 400 };
    unsigned char *blocks[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = go_pages_take(i * i + 1); /* up to 160,000 bytes */
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i % 251), i * i + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_all(blocks[i], (unsigned char)(i % 251), i * i + 1);
        go_pages_give(blocks[i]);
    }
    go_pages_give(NULL);
}

static void test_zeroed(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 100000; bytes *= 3) {
        unsigned char *block = go_pages_take_zeroed(bytes, 2);
        assert_all(block, 0, 2 * bytes);
        memset(block, 1, 2 * bytes);
        go_pages_give(block);
    }
    assert_null(go_pages_take_zeroed(SIZE_MAX / 2, 3));
    assert_null(go_pages_take(SIZE_MAX));
}

static void test_growing(void **state)
{
    uint32_t *items = NULL;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        items = go_pages_retake(items, i + 1, sizeof *items);
        assert_non_null(items);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(items[i], i);
    assert_null(go_pages_retake(items, SIZE_MAX / 2, sizeof *items));
    go_pages_give(items);
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(go_pages_copy("map[string]int", 3), "map");
    assert_string_equal(go_pages_copy("map", 100), "map");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
