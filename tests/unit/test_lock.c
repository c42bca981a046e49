/* preload/lock: one at a time, no deadlock with a handler of the same thread, free after a fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/lock.h"
#include "tests/unit/guest_alone.h"

enum { THREADS = 4, ROUNDS = 20000 };
static uint64_t counter; /* not atomic: the lock is all that guards it */

static void *count_up(void *raw)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (raw)
            lock_take_raw();
        else if (!lock_take())
            abort();
        counter++;
        if (raw)
            lock_release_raw();
        else
            lock_release();
    }
    return NULL;
}

static void one_at_a_time(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count_up, i % 2 ? &counter : NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counter, THREADS * ROUNDS);
}

static volatile sig_atomic_t handled, refused;

static void handler(int number)
{
    (void)number;
    handled = 1;
    refused = !lock_take();
    if (!refused)
        lock_release();
}

static void a_handler_is_refused(void **state)
{
    (void)state;
    signal(SIGUSR1, handler);
    assert_true(lock_take());
    raise(SIGUSR1);
    assert_true(handled && refused);
    lock_release();
    raise(SIGUSR1);
    assert_false(refused);
}

static void a_child_begins_with_a_free_lock(void **state)
{
    (void)state;
    int status;
    assert_true(lock_is_ours());
    assert_true(lock_take());
    pid_t child = fork();
    if (child == 0) {
        bool ours = lock_is_ours();
        thread_self.busy = 0;
        lock_adopt();
        /* Would sleep for ever, had the fork copied the lock as it was. */
        alarm(20);
        bool taken = lock_take();
        _exit(ours || !taken || !lock_is_ours());
    }
    lock_release();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int start(void **state)
{
    (void)state;
    return lock_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_handler_is_refused),
        cmocka_unit_test(a_child_begins_with_a_free_lock),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
