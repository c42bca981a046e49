/* golang/ring: what is drained, what is lost, and when. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "golang/ring.h"

enum { CAPACITY = 256 };

struct seen {
    uint64_t count, first, last, ns;
};

static void note(void *context, const struct go_event *event, uint64_t ns)
{
    struct seen *seen = context;

    if (!seen->count++)
        seen->first = event->hmap;
    seen->last = event->hmap;
    seen->ns = ns;
}

static int set_up(void **state)
{
    static struct go_ring ring;
    int fd = memfd_create("test", 0);

    assert_int_equal(go_ring_open(&ring, fd, CAPACITY), 0);
    close(fd);
    *state = &ring;
    return 0;
}

static int tear_down(void **state)
{
    go_ring_close(*state);
    return 0;
}

static struct go_event *claim(struct go_ring *ring, uint64_t *number)
{
    *number = ring->header->claimed++;
    return (struct go_event *)&ring->events[*number % CAPACITY];
}

static void write_event(struct go_ring *ring)
{
    uint64_t number;
    struct go_event *event = claim(ring, &number);

    event->hmap = number;
    event->tsc = __rdtsc();
    event->sequence = number + 1;
}

static void test_all_in_order(void **state)
{
    struct seen seen = {0};

    for (int i = 0; i < 3 * CAPACITY; i++) {
        write_event(*state);
        if (i % 100 == 99)
            go_ring_drain(*state, false, note, &seen);
    }
    go_ring_drain(*state, true, note, &seen);
    assert_int_equal(seen.count, 3 * CAPACITY);
    assert_int_equal(seen.last, 3 * CAPACITY - 1);
    assert_int_equal(((struct go_ring *)*state)->lost, 0);
}

static void test_written_over(void **state)
{
    struct go_ring *ring = *state;
    struct seen seen = {0};

    for (int i = 0; i < CAPACITY + 7; i++)
        write_event(ring);
    assert_int_equal(go_ring_drain(ring, false, note, &seen), CAPACITY);
    assert_int_equal(seen.first, 7);
    assert_int_equal(ring->lost, 7);
}

static void test_refused(void **state)
{
    struct go_ring *ring = *state;
    struct seen seen = {0};

    ring->header->refused = 3;
    write_event(ring);
    assert_int_equal(go_ring_drain(ring, false, note, &seen), 1);
    assert_int_equal(ring->header->drained, 1);
    assert_int_equal(go_ring_drain(ring, false, note, &seen), 0);
    assert_int_equal(ring->lost, 3);
}

static void test_unfinished(void **state)
{
    struct go_ring *ring = *state;
    struct seen seen = {0};
    uint64_t number;

    write_event(ring);
    struct go_event *event = claim(ring, &number);
    write_event(ring);
    assert_int_equal(go_ring_drain(ring, false, note, &seen), 1);
    event->sequence = number + 1;
    assert_int_equal(go_ring_drain(ring, false, note, &seen), 2);
    assert_int_equal(ring->lost, 0);

    claim(ring, &number);
    write_event(ring);
    assert_int_equal(go_ring_drain(ring, false, note, &seen), 0);
    assert_int_equal(go_ring_drain(ring, true, note, &seen), 1);
    assert_int_equal(ring->lost, 1);
}

static void test_time(void **state)
{
    struct timespec now, while_ = {.tv_nsec = 20000000};
    struct seen seen = {0};

    nanosleep(&while_, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    write_event(*state);
    nanosleep(&while_, NULL);
    go_ring_drain(*state, false, note, &seen);
    int64_t apart = (int64_t)(seen.ns - (uint64_t)now.tv_sec * 1000000000u - (uint64_t)now.tv_nsec);
    /* The write follows the look at the clock, by less than the sleep after it. */
    assert_true(apart > -100000 && apart < 20000000);
}

static void test_capacity(void **state)
{
    (void)state;
    assert_int_equal(go_ring_capacity(0), CAPACITY);
    assert_int_equal(go_ring_capacity(16 << 20), 65536);
    assert_int_equal(go_ring_capacity((16 << 20) - 1), 32768);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unfinished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
        cmocka_unit_test(test_capacity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
