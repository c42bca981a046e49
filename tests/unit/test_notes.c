/* The note that is asked for is found among others, and damaged ones are not read past their end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "preload/notes.c"

/* A note without a name, a Go one and a GNU one, whose text is not filled up to a word. */
static const uint32_t segment[] = {
    0,          4,          9,               /* sizes of name and text, type */
    0x11111111,                              /* text */
    4,          6,          4,               /* */
    0x00006f47, 'a',        0,               /* "Go" */
    4,          3,          NT_GNU_BUILD_ID, /* */
    0x00554e47, 0x00332211,                  /* "GNU" */
};

/* In memory of just its size, for the address sanitizer to watch. */
static struct note_text find_in(const void *notes, size_t bytes, const char *owner, uint32_t type,
                                char **copy)
{
    *copy = malloc(bytes ? bytes : 1);
    memcpy(*copy, notes, bytes);
    return notes_find((uintptr_t)*copy, bytes, owner, type);
}

static void finds_one_among_others(void **state)
{
    char *copy;
    struct note_text note = find_in(segment, sizeof segment, "GNU", NT_GNU_BUILD_ID, &copy);

    (void)state;
    assert_int_equal(note.bytes, 3);
    assert_memory_equal(note.text, "\x11\x22\x33", 3);
    free(copy);
    note = find_in(segment, sizeof segment, "Go", 4, &copy);
    assert_int_equal(note.bytes, 6);
    free(copy);
}

static void owner_and_type_must_both_be_right(void **state)
{
    char *copy;

    (void)state;
    assert_null(find_in(segment, sizeof segment, "GNU", 4, &copy).text);
    free(copy);
    assert_null(find_in(segment, sizeof segment, "G", 4, &copy).text);
    free(copy);
    assert_null(find_in(segment, sizeof segment, "Gopher", 4, &copy).text);
    free(copy);
}

static void reads_no_further_than_the_segment(void **state)
{
    char *copy;

    (void)state;
    for (size_t bytes = 0; bytes < sizeof segment - 1; bytes++) {
        assert_null(find_in(segment, bytes, "GNU", NT_GNU_BUILD_ID, &copy).text);
        free(copy);
    }
    /* The filling behind the last text may be missing. */
    assert_non_null(find_in(segment, sizeof segment - 1, "GNU", NT_GNU_BUILD_ID, &copy).text);
    free(copy);
}

static void sizes_that_claim_too_much_end_it(void **state)
{
    const uint32_t names[] = {UINT32_MAX, 4, NT_GNU_BUILD_ID, 0x00554e47, 0};
    const uint32_t texts[] = {4, UINT32_MAX, NT_GNU_BUILD_ID, 0x00554e47, 0};
    char *copy;

    (void)state;
    assert_null(find_in(names, sizeof names, "GNU", NT_GNU_BUILD_ID, &copy).text);
    free(copy);
    assert_null(find_in(texts, sizeof texts, "GNU", NT_GNU_BUILD_ID, &copy).text);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_one_among_others),
        cmocka_unit_test(owner_and_type_must_both_be_right),
        cmocka_unit_test(reads_no_further_than_the_segment),
        cmocka_unit_test(sizes_that_claim_too_much_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
