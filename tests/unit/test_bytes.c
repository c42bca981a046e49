/* The library's own memcpy and the like do what libc's do. */
#undef _FORTIFY_SOURCE /* its memcpy is an inline function, which cannot have another name */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define memcpy own_memcpy
#define memmove own_memmove
#define memset own_memset
#define memcmp own_memcmp
void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
#include "preload/bytes.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

enum { MOST = 100, ROOM = 3 * MOST };

static void fill(unsigned char *bytes, unsigned seed)
{
    for (size_t i = 0; i < ROOM; i++)
        bytes[i] = (unsigned char)(i * 7 + seed);
}

static void copies_and_nothing_else(void **state)
{
    unsigned char from[ROOM], ours[ROOM], theirs[ROOM];

    (void)state;
    fill(from, 1);
    for (size_t at = 0; at < 20; at++)
        for (size_t bytes = 0; bytes <= MOST; bytes++) {
            fill(ours, 99);
            fill(theirs, 99);
            assert_ptr_equal(own_memcpy(ours + at, from + 3, bytes), ours + at);
            memcpy(theirs + at, from + 3, bytes);
            assert_memory_equal(ours, theirs, ROOM);
            own_memset(ours + at, (int)bytes, bytes);
            memset(theirs + at, (int)bytes, bytes);
            assert_memory_equal(ours, theirs, ROOM);
        }
}

static void moves_what_overlaps(void **state)
{
    unsigned char ours[ROOM], theirs[ROOM];

    (void)state;
    for (size_t to = 0; to <= 2 * MOST; to++)
        for (size_t bytes = 0; bytes <= MOST; bytes++) {
            fill(ours, 5);
            fill(theirs, 5);
            assert_ptr_equal(own_memmove(ours + to, ours + MOST, bytes), ours + to);
            memmove(theirs + to, theirs + MOST, bytes);
            assert_memory_equal(ours, theirs, ROOM);
        }
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void compares_as_bytes_without_sign(void **state)
{
    unsigned char left[MOST], right[MOST];

    (void)state;
    for (size_t bytes = 0; bytes <= MOST; bytes++)
        for (size_t differs = 0; differs < MOST; differs++) {
            memset(left, 0x7f, MOST);
            memset(right, 0x7f, MOST);
            right[differs] = 0x80;
            assert_int_equal(sign(own_memcmp(left, right, bytes)),
                             sign(memcmp(left, right, bytes)));
            assert_int_equal(sign(own_memcmp(right, left, bytes)),
                             sign(memcmp(right, left, bytes)));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_and_nothing_else),
        cmocka_unit_test(moves_what_overlaps),
        cmocka_unit_test(compares_as_bytes_without_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
