/* preload/safe_read: reads what is there, in whichever way, and says of the rest that it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/home.h"
#include "preload/safe_read.h"
#include "tests/unit/guest_alone.h"

enum { PAGE = 4096, WORDS = 4 };

bool modules_has_data(uintptr_t address, size_t bytes)
{
    (void)address;
    (void)bytes;
    return false;
}

/* Two pages, of which the second cannot be read. */
static uint64_t *map_page(void)
{
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(mprotect(page + PAGE, PAGE, PROT_NONE), 0);
    return (uint64_t *)(void *)page;
}

static int start(void **state)
{
    (void)state;
    safe_read_start();
    return 0;
}

static void one_word(void **state)
{
    (void)state;
    uint64_t *page = map_page(), word = 0;

    page[5] = 55;
    assert_true(safe_read((uintptr_t)&page[5], &word, sizeof word));
    assert_int_equal(word, 55);
    word = 0;
    assert_true(safe_read_used((uintptr_t)&page[5], &word));
    assert_int_equal(word, 55);
    uintptr_t hidden = (uintptr_t)page + PAGE;
    const uintptr_t nothing[] = {0, 8, hidden, hidden - 4, 0x7ffffffffff8, UINTPTR_MAX - 7};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        assert_false(safe_read(nothing[i], &word, sizeof word));
        assert_false(safe_read_used(nothing[i], &word));
    }
    munmap(page, 2 * PAGE);
    assert_false(safe_read((uintptr_t)&page[5], &word, sizeof word));
    assert_false(safe_read_used((uintptr_t)&page[5], &word));
}

/* A window that has been read is left alone; one may end with its page; others may be missing. */
static void windows(void **state)
{
    (void)state;
    uint64_t *page = map_page(), own[WORDS] = {11, 12, 13, 14}, to[7][WORDS];
    uint64_t *last = page + PAGE / sizeof *page - 1;
    uintptr_t from[7] = {(uintptr_t)own,     0,
                         (uintptr_t)page,    (uintptr_t)page + PAGE,
                         (uintptr_t)own,     (uintptr_t)last,
                         (uintptr_t)&page[8]};
    bool readable[7] = {[4] = true};

    memset(to, 0xff, sizeof to);
    page[0] = 1;
    page[8] = 8;
    *last = 99;
    safe_read_windows(from, 7, WORDS, to[0], readable);
    static const bool expected[7] = {true, false, true, false, true, true, true};
    assert_memory_equal(readable, expected, sizeof readable);
    assert_memory_equal(to[0], own, sizeof own);
    assert_int_equal(to[2][0], 1);
    assert_int_equal(to[4][0], UINT64_MAX);
    assert_int_equal(to[5][0], 99);
    assert_int_equal(to[5][1], 0);
    assert_int_equal(to[6][0], 8);
    munmap(page, 2 * PAGE);
}

/* The stack that is known changes nothing but the way. */
static void stack_that_is_known(void **state)
{
    home_find((uintptr_t)__builtin_frame_address(0));
    assert_true(home_can_read((uintptr_t)__builtin_frame_address(0), sizeof(uint64_t)));
    assert_false(home_can_read((uintptr_t)__builtin_frame_address(0) - PAGE, sizeof(uint64_t)));
    assert_false(home_can_read(home_self.high - 8, 16));
    assert_false(home_can_read(home_self.high, 8));
    one_word(state);
    windows(state);
}

static void *in_thread(void *state)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    home_find(here);
    assert_false(home_can_read(here, 8));
    home_add(here, here - 8);
    home_add(here, here - (1 << 30));
    assert_false(home_can_read(here, 8));
    home_add(here, (uintptr_t)__builtin_thread_pointer() - 64);
    assert_true(home_can_read(here, 8));
    assert_false(home_can_read(here - 8, 8));
    windows(state);
    return NULL;
}

static void stack_of_a_thread(void **state)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, in_thread, state), 0);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_word),
        cmocka_unit_test(windows),
        cmocka_unit_test(stack_that_is_known),
        cmocka_unit_test(stack_of_a_thread),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
