// Exceptions that leave a grow function after it has allocated the new array,
// which is freed on the way; the old one stays in use. Nothing leaks. The
// copy may also fail before, or in another thread.
//
// Also built as a plugin (-DPLUGIN): then plugin_run() does what main() does.

#include <memory>
#include <stdexcept>
#include <thread>

#include "truth.h"

namespace thrown
{
struct element {
    int value = 0;
    static bool fragile;

    element() = default;
    element &operator=(const element &other)
    {
        if (fragile && other.value == 11)
            throw std::runtime_error("cannot copy");
        value = other.value;
        return *this;
    }
};

bool element::fragile;

struct table {
    std::size_t capacity = 0;
    std::unique_ptr<element[]> buckets;
};

NOINLINE void grow(table &table, std::size_t capacity)
{
    auto fresh = std::make_unique<element[]>(capacity);

    USE(fresh.get());
    for (std::size_t index = 0; index < table.capacity; index++)
        fresh[index] = table.buckets[index];
    table.buckets = std::move(fresh);
    for (std::size_t index = table.capacity; index < capacity; index++)
        table.buckets[index].value = int(index);
    table.capacity = capacity;
}

// Grows, fails to grow every third time, and asks for more than there is.
int exercise(table &table, int rounds)
{
    int caught = 0;

    for (int round = 0; round < rounds; round++) {
        volatile std::size_t capacity = std::size_t(32) << round;

        element::fragile = round % 3 == 2;
        try {
            grow(table, capacity);
        } catch (const std::runtime_error &) {
            caught++;
            element::fragile = false;
            grow(table, capacity);
        }
        try {
            grow(table, PTRDIFF_MAX / 16 + capacity);
        } catch (const std::bad_alloc &) {
            caught++;
        }
    }
    element::fragile = false;
    return caught;
}
} // namespace thrown

#ifdef PLUGIN
#define MAIN extern "C" __attribute__((visibility("default"))) void plugin_run(int, int, bool)
#else
#define MAIN int main()
#endif

MAIN
{
    constexpr int tables = 6, rounds = 7;
    static thrown::table all[tables];
    int caught = 0;

    for (auto &table : all)
        std::thread([&] { caught += thrown::exercise(table, rounds); }).join();
    truth_line("{\"is\":\"note\",\"caught\":%d}", caught);
    // Twice a table's copy fails. What is allocated beneath the grow function for
    // the message, and freed when it has been caught, may pass for a first array.
    truth_line("{\"is\":\"totals\",\"tables\":[%d,%d],\"resizes\":%d}", tables, tables * 3,
               tables * (rounds - 1));
#ifndef PLUGIN
    return 0;
#endif
}
