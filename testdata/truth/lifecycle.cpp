// Tables grown and freed where a process or a thread begins and ends: before
// main, in constructors, thread-local destructors, key destructors, atexit and
// at_quick_exit handlers, static destructors and module destructors.

#include <pthread.h>
#include <thread>

#include "truth.h"

namespace lifecycle
{
struct table {
    std::size_t capacity = 0;
    void **buckets = nullptr;
};

NOINLINE void grow(table &table)
{
    std::size_t capacity = table.capacity ? table.capacity * 2 : 16;
    void **old = table.buckets;
    void **buckets = static_cast<void **>(calloc(capacity, sizeof *buckets));

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old, table.capacity * sizeof *buckets);
    table.buckets = buckets;
    table.capacity = capacity;
    free(old);
    USE(&table);
}

constexpr int growths = 5;

// Grows a table of its own and lets it go: four resizes.
void exercise()
{
    table mine;

    for (int time = 0; time < growths; time++)
        grow(mine);
    free(mine.buckets);
}

// Kept from one stage to the next.
table early, between;

struct guard {
    table mine;

    guard()
    {
        grow(mine);
    }
    ~guard()
    {
        for (int time = 1; time < growths; time++)
            grow(mine);
        free(mine.buckets);
        mine = table();
        exercise();
    }
};

guard static_guard;
thread_local guard thread_guard;

__attribute__((constructor(101))) void first()
{
    exercise();
    grow(early);
}

__attribute__((constructor)) void later()
{
    exercise();
    grow(early);
}

__attribute__((destructor)) void last()
{
    exercise();
    grow(early);
    free(early.buckets);
}

void before_all(int, char **, char **)
{
    exercise();
}

__attribute__((section(".preinit_array"), used)) void (*preinit)(int, char **,
                                                                 char **) = before_all;

void at_exit()
{
    exercise();
    grow(between);
    free(between.buckets);
}

void key_destructor(void *value)
{
    exercise();
    table *mine = static_cast<table *>(value);
    grow(*mine);
    free(mine->buckets);
    delete mine;
}
} // namespace lifecycle

int main()
{
    using namespace lifecycle;
    constexpr int threads = 3;
    pthread_key_t key;

    atexit(at_exit);
    grow(between);
    grow(between);
    pthread_key_create(&key, key_destructor);
    for (int number = 0; number < threads; number++)
        std::thread([&] {
            USE(&thread_guard);
            grow(thread_guard.mine);
            auto *mine = new table;
            grow(*mine);
            pthread_setspecific(key, mine);
        }).join();

    int each = growths - 1;
    // Of the ten exercises before and after main, the stage before all
    // constructors may be too early for any guest.
    int exercises = 3 + threads * 2 + 3;
    int resizes = exercises * each + each + threads * (growths + 1) + 2 + 2;
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"resizes\":[%d,%d]}", (long)getpid(),
               resizes - each, resizes);
    return 0;
}
