// A program with an operator new and delete of its own, which count. They
// must stay its own, and each array must be seen once.

#include <new>

#include "truth.h"

static long news, deletes;

void *operator new(std::size_t bytes)
{
    news++;
    if (void *block = std::malloc(bytes))
        return block;
    throw std::bad_alloc();
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

int main()
{
    static own::table tables[10];

    for (int round = 0; round < 6; round++)
        for (auto &table : tables)
            own::grow(table);
    truth_line("{\"is\":\"note\",\"news\":%ld,\"deletes\":%ld}", news, deletes);
    truth_totals(10, 50);
    return 0;
}
