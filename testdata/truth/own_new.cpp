// A program with an operator new and delete of its own, which count. They
// must stay its own, and each array must be seen once.
//
// Also built as a plugin (-DPLUGIN), whose operators must stay its own as well.

#include <cstdlib>
#include <new>

#include "truth.h"

#ifdef FILLER
// Makes one plugin bigger than another.
extern const char filler[FILLER];
const char filler[FILLER] = "plugin";
#endif

static long news, deletes;

void *operator new(std::size_t bytes)
{
    news++;
    if (void *block = std::malloc(bytes))
        return block;
    std::abort();
}

void operator delete(void *block) noexcept
{
    deletes += block != nullptr;
    std::free(block);
}

void operator delete(void *block, std::size_t) noexcept
{
    operator delete(block);
}

namespace own
{
struct table {
    std::size_t capacity = 0;
    uint64_t *buckets = nullptr;
};

NOINLINE void grow(table &table)
{
    std::size_t capacity = table.capacity ? table.capacity * 2 : 16;
    auto *fresh = static_cast<uint64_t *>(operator new(capacity * sizeof(uint64_t)));

    for (std::size_t index = 0; index < table.capacity; index++)
        fresh[index] = table.buckets[index];
    operator delete(table.buckets);
    table.buckets = fresh;
    table.capacity = capacity;
    USE(fresh);
}
} // namespace own

#ifdef PLUGIN
#define MAIN extern "C" __attribute__((visibility("default"))) void plugin_run(int, int, bool)
#else
#define MAIN int main()
#endif

MAIN
{
    static own::table tables[10];

    for (int round = 0; round < 6; round++)
        for (auto &table : tables)
            own::grow(table);
    truth_line("{\"is\":\"note\",\"news\":%ld,\"deletes\":%ld}", news, deletes);
    truth_totals(10, 50);
#ifndef PLUGIN
    return 0;
#endif
}
