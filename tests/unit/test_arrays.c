/* preload/arrays: what is filed is found, by its address and by any address in it, and nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "preload/arrays.h"
#include "preload/lock.h"
#include "preload/recorder.h"
#include "tests/unit/guest_alone.h"

static int start(void **state)
{
    struct recorder_plan plan = {.ring_bytes = 1 << 20, .path = "/nonexistent/trace"};
    (void)state;
    return lock_init() || recorder_prepare(&plan) || arrays_start(recorder_array_room());
}

static void found_by_any_address_in_it(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {
        0, 1, 7, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 65537, 1 << 24, UINT64_C(3) << 33};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uintptr_t low = 0x7f0000000010 + 0x1230;
        uint64_t last = sizes[i] ? sizes[i] - 1 : 0;
        array_index index = arrays_add(low, sizes[i]);
        assert_int_not_equal(index, 0);
        assert_int_equal(arrays_exact(low), index);
        assert_int_equal(arrays_around(low), index);
        assert_int_equal(arrays_around(low + last), index);
        assert_int_equal(arrays_around(low + last / 2), index);
        assert_int_equal(arrays_around(low + last + 1), 0);
        assert_int_equal(arrays_around(low - 1), 0);
        assert_int_equal(arrays_exact(low + 16), 0);
        assert_true(arrays_maybe((void *)low));
        arrays_remove(index);
        assert_int_equal(arrays_exact(low), 0);
        assert_int_equal(arrays_around(low + last), 0);
        assert_false(arrays_maybe((void *)low));
    }
}

/* Blocks of a megabyte each, of which at most one array has any part. */
enum { BLOCKS = 3000, BLOCK = 1 << 20 };
static struct {
    array_index index;
    uint64_t serial, bytes;
} model[BLOCKS];

static uintptr_t address_of(size_t block)
{
    return 0x10000000 + block * BLOCK + block % 7 * 16;
}

static void check(size_t block)
{
    uintptr_t low = address_of(block);
    array_index index = model[block].index;
    uint64_t last = model[block].bytes - 1;
    assert_int_equal(arrays_exact(low), index);
    assert_int_equal(arrays_around(low), index);
    assert_int_equal(arrays_around(low + last), index);
    if (index) {
        assert_int_equal(arrays_at(index)->serial, model[block].serial);
        assert_int_equal(arrays_at(index)->record.bytes, model[block].bytes);
        assert_true(arrays_maybe((void *)low));
        assert_int_equal(arrays_around(low + last + 1), 0);
    }
}

static void any_order_of_births_and_deaths(void **state)
{
    (void)state;
    unsigned seed = 1;
    uint64_t serial = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        model[i].bytes = 1;
    for (unsigned step = 0; step < 60000; step++) {
        size_t block = (unsigned)rand_r(&seed) % BLOCKS;
        if (model[block].index) {
            arrays_remove(model[block].index);
            model[block].index = 0;
        } else {
            model[block].bytes = 1 + (uint64_t)rand_r(&seed) % (1u << rand_r(&seed) % 19);
            model[block].index = arrays_add(address_of(block), model[block].bytes);
            assert_int_not_equal(model[block].index, 0);
            /* Never one that was given out before. */
            assert_true(arrays_at(model[block].index)->serial > serial);
            serial = model[block].serial = arrays_at(model[block].index)->serial;
        }
        check(block);
        check((unsigned)rand_r(&seed) % BLOCKS);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        check(i);
        if (model[i].index)
            arrays_remove(model[i].index);
    }
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    uint32_t room = recorder_array_room(), count = 0;
    array_index *all = calloc(room, sizeof(*all));
    while (count < room && (all[count] = arrays_add(0x20000000 + count * 64ul, 64)))
        count++;
    assert_int_equal(count, room - 1);
    assert_true(arrays_end() <= room);
    assert_int_equal(arrays_add(0x10000000, 64), 0);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(arrays_around(0x20000000 + i * 64ul + 63), all[i]);
    for (uint32_t i = 0; i < count; i++)
        arrays_remove(all[i]);
    free(all);
}

/* --- threads ---------------------------------------------------------------------- */

#define KEPT ((void *)0x30000000)
static bool ended;

/* Without the lock: an array that stays is never missed, whatever others do. */
static void *ask(void *missed)
{
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
        *(unsigned *)missed += !arrays_maybe(KEPT);
    return NULL;
}

static void *churn(void *first)
{
    for (unsigned round = 0; round < 2000; round++) {
        array_index index[8];
        lock_take();
        for (unsigned i = 0; i < 8; i++)
            index[i] = arrays_add((uintptr_t)first + i * 4096ul, 4096);
        lock_release();
        lock_take();
        for (unsigned i = 0; i < 8; i++)
            arrays_remove(index[i]);
        lock_release();
    }
    return NULL;
}

static void asked_without_the_lock(void **state)
{
    (void)state;
    pthread_t asking, churning[3];
    unsigned missed = 0;
    array_index kept = arrays_add((uintptr_t)KEPT, 64);
    pthread_create(&asking, NULL, ask, &missed);
    for (size_t i = 0; i < 3; i++)
        pthread_create(&churning[i], NULL, churn, (void *)(0x40000000 + i * 0x1000000));
    for (size_t i = 0; i < 3; i++)
        pthread_join(churning[i], NULL);
    __atomic_store_n(&ended, true, __ATOMIC_RELEASE);
    pthread_join(asking, NULL);
    assert_int_equal(missed, 0);
    arrays_remove(kept);
}

/* Where an array was seen to be held, as long as it lives and that is not taken back. */
static void known_by_its_holder(void **state)
{
    (void)state;
    uintptr_t holder = 0x7f1200000040;
    array_index index = arrays_add(0x7f1300000000, 64);

    assert_false(arrays_dwell_at(0));
    assert_false(arrays_dwell_at(holder));
    arrays_keep_place(index, holder, holder - 8);
    assert_int_equal(arrays_at(index)->record.table, holder - 8);
    assert_true(arrays_dwell_at(holder));
    assert_false(arrays_dwell_at(holder + 8));
    arrays_keep_place(index, 0, 0);
    assert_false(arrays_dwell_at(holder));
    assert_false(arrays_dwell_at(0));
    arrays_keep_place(index, holder, holder);
    arrays_remove(index);
    assert_false(arrays_dwell_at(holder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_any_address_in_it),
        cmocka_unit_test(known_by_its_holder),
        cmocka_unit_test(any_order_of_births_and_deaths),
        cmocka_unit_test(no_more_than_there_is_room_for),
        cmocka_unit_test(asked_without_the_lock),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
