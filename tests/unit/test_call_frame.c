/* preload/call_frame and frames: a walk by our own reading of .eh_frame, against libgcc's. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <stdlib.h>
#include <string.h>

#include "preload/call_frame.h"
#include "preload/frames.h"
#include "preload/safe_read.h"

/* preload/safe_read, for stacks that are there. */
bool safe_read(uintptr_t address, void *to, size_t bytes)
{
    memcpy(to, (const void *)address, bytes);
    return true;
}

/* preload/returns: no return is watched here. */
struct returns_target returns_targets[RETURNS_MOST];
const char returns_thunks[RETURNS_MOST * RETURNS_STRIDE];

static const void *header_of(uintptr_t pc)
{
    struct dl_find_object found;
    return _dl_find_object((void *)pc, &found) == 0 ? found.dlfo_eh_frame : NULL;
}

#define MOST 64

/* Return addresses above the caller, ours into OWN and libgcc's into THEIRS. */
static __attribute__((noinline)) void walk(uintptr_t *own, int *own_count, void **theirs,
                                           int *their_count)
{
    struct frame frame;
    frame_here(&frame);
    *their_count = backtrace(theirs, MOST);
    for (*own_count = 0; *own_count < MOST; ++*own_count) {
        own[*own_count] = frame.pc;
        uintptr_t pc = frame.pc - (*own_count > 0);
        const void *header = header_of(pc);
        if (!frame_leave(&frame, frame_describe(pc, header, NULL), header))
            break;
    }
}

struct walks {
    uintptr_t own[MOST];
    void *theirs[MOST];
    int own_count, their_count;
};

/* Frames of many shapes: of changing size, with aligned and with many saved registers. */
static __attribute__((noinline)) uint64_t deeper(struct walks *walks, unsigned depth, uint64_t a,
                                                 uint64_t b, uint64_t c)
{
    volatile char *room = __builtin_alloca(16 + depth * 24);
    _Alignas(64) volatile char aligned[64];
    room[0] = aligned[0] = (char)depth;
    if (depth == 0)
        walk(walks->own, &walks->own_count, walks->theirs, &walks->their_count);
    else
        a += deeper(walks, depth - 1, b, c, a) * b + c;
    return a * b ^ c ^ (uint64_t)room[0] ^ (uint64_t)aligned[0];
}

static int compare(const void *context, const void *other)
{
    /* Called by qsort and bsearch: with frames of libc in between. */
    static struct walks walks;
    (void)other;
    if (*(const int *)context == 1) {
        deeper(&walks, 7, 1, 2, 3);
        assert_in_range(walks.own_count, 12, MOST);
        /* The first of ours is this very place; a sanitizer adds a frame to theirs. */
        int first = 0;
        while (first < walks.their_count && (uintptr_t)walks.theirs[first] != walks.own[1])
            first++;
        assert_in_range(walks.their_count - first, 11, MOST);
        for (int i = 1; i < walks.own_count && first < walks.their_count - 1; i++)
            assert_int_equal(walks.own[i], (uintptr_t)walks.theirs[first++]);
    }
    return *(const int *)context - *(const int *)other;
}

static void walks_as_libgcc_does(void **state)
{
    (void)state;
    int numbers[] = {3, 2, 1, 5, 4};
    qsort(numbers, 5, sizeof(numbers[0]), compare);
    assert_int_equal(numbers[0], 1);
}

/* Every function of libc and of this program has a row for each of its addresses. */
static void every_address_has_a_row(void **state)
{
    (void)state;
    const uintptr_t places[] = {(uintptr_t)&qsort, (uintptr_t)&walks_as_libgcc_does,
                                (uintptr_t)dlsym(RTLD_DEFAULT, "dlopen"),
                                (uintptr_t)dlsym(RTLD_DEFAULT, "vfprintf")};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct call_frame_entry entry;
        struct call_frame_row row;
        assert_true(call_frame_find(places[i], header_of(places[i]), &entry));
        assert_in_range(places[i], entry.low, entry.high - 1);
        for (uintptr_t pc = entry.low; pc < entry.high; pc++) {
            assert_true(call_frame_row_at(pc, &entry, &row));
            assert_true(row.cfa_block || row.cfa_register < DWARF_COUNT);
        }
    }
    struct call_frame_entry entry;
    assert_false(call_frame_find(1, header_of(places[0]), &entry));
    assert_false(call_frame_find(places[0], NULL, &entry));
}

static void reads_numbers_of_any_length(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[11];
        size_t length;
        uint64_t plain;
        int64_t signed_;
    } numbers[] = {
        {{0}, 1, 0, 0},
        {{0x7f}, 1, 127, -1},
        {{0x80, 0x01}, 2, 128, 128},
        {{0xe5, 0x8e, 0x26}, 3, 624485, 624485},
        {{0x80, 0x7f}, 2, 16256, -128},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10, UINT64_MAX, -1},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
         10,
         UINT64_C(1) << 63,
         INT64_MIN},
        /* Longer than any number: what does not fit is lost, and nothing else happens. */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 11, UINT64_MAX, -1},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const uint8_t *at = numbers[i].bytes;
        assert_int_equal(call_frame_uleb(&at), numbers[i].plain);
        assert_ptr_equal(at, numbers[i].bytes + numbers[i].length);
        at = numbers[i].bytes;
        assert_int_equal(call_frame_sleb(&at), numbers[i].signed_);
        assert_ptr_equal(at, numbers[i].bytes + numbers[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_as_libgcc_does),
        cmocka_unit_test(every_address_has_a_row),
        cmocka_unit_test(reads_numbers_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
