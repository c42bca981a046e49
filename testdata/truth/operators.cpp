// Every form of operator new and delete, each in a grow function of its own,
// and growths that fail with std::bad_alloc. One table leaks an old array.

#include <new>

#include "truth.h"

namespace operators
{
constexpr int tables = 4, rounds = 5;
constexpr std::size_t huge = PTRDIFF_MAX / 64;

struct alignas(64) line {
    char bytes[64];
};

struct table {
    std::size_t capacity = 0;
    void *buckets = nullptr;
    bool pinned = false;
};

// Sees the pointer leave, so that no compiler may leave the allocation out.
template <typename T> T *seen(T *block)
{
    USE(block);
    return block;
}

NOINLINE void grow_array(table &table, std::size_t capacity)
{
    auto *fresh = seen(new uint64_t[capacity]());
    delete[] static_cast<uint64_t *>(table.buckets);
    table.buckets = fresh;
}

NOINLINE void grow_array_nothrow(table &table, std::size_t capacity)
{
    auto *fresh = seen(new (std::nothrow) uint64_t[capacity]());
    if (!fresh)
        throw std::bad_alloc();
    if (!table.pinned)
        delete[] static_cast<uint64_t *>(table.buckets);
    table.buckets = fresh;
}

NOINLINE void grow_array_aligned(table &table, std::size_t capacity)
{
    auto *fresh = seen(new line[capacity / 8 + 1]);
    delete[] static_cast<line *>(table.buckets);
    table.buckets = fresh;
}

NOINLINE void grow_array_aligned_nothrow(table &table, std::size_t capacity)
{
    auto *fresh = seen(new (std::nothrow) line[capacity / 8 + 1]);
    if (!fresh)
        throw std::bad_alloc();
    delete[] static_cast<line *>(table.buckets);
    table.buckets = fresh;
}

NOINLINE void grow_raw(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8));
    operator delete(table.buckets);
    table.buckets = fresh;
}

NOINLINE void grow_raw_sized(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8));
    operator delete(table.buckets, table.capacity * 8);
    table.buckets = fresh;
}

NOINLINE void grow_raw_array_sized(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new[](capacity * 8));
    operator delete[](table.buckets, table.capacity * 8);
    table.buckets = fresh;
}

NOINLINE void grow_raw_nothrow(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8, std::nothrow));
    if (!fresh)
        throw std::bad_alloc();
    operator delete(table.buckets, std::nothrow);
    table.buckets = fresh;
}

NOINLINE void grow_raw_aligned(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8, std::align_val_t(128)));
    operator delete(table.buckets, std::align_val_t(128));
    table.buckets = fresh;
}

NOINLINE void grow_raw_aligned_sized(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8, std::align_val_t(4096)));
    operator delete(table.buckets, table.capacity * 8, std::align_val_t(4096));
    table.buckets = fresh;
}

NOINLINE void grow_raw_aligned_nothrow(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new(capacity * 8, std::align_val_t(32), std::nothrow));
    if (!fresh)
        throw std::bad_alloc();
    operator delete(table.buckets, std::align_val_t(32), std::nothrow);
    table.buckets = fresh;
}

NOINLINE void grow_raw_array_aligned(table &table, std::size_t capacity)
{
    void *fresh = seen(operator new[](capacity * 8, std::align_val_t(256)));
    operator delete[](table.buckets, capacity * 4, std::align_val_t(256));
    table.buckets = fresh;
}

using grow = void(table &, std::size_t);

constexpr grow *forms[] = {
    grow_array,       grow_array_nothrow,     grow_array_aligned,       grow_array_aligned_nothrow,
    grow_raw,         grow_raw_sized,         grow_raw_array_sized,     grow_raw_nothrow,
    grow_raw_aligned, grow_raw_aligned_sized, grow_raw_aligned_nothrow, grow_raw_array_aligned,
};
constexpr int form_count = sizeof forms / sizeof *forms;

int handled;

void give_up()
{
    if (++handled % 2 == 0)
        std::set_new_handler(nullptr);
}

bool fails(grow *form, table &table)
{
    volatile std::size_t capacity = huge;

    std::set_new_handler(give_up);
    try {
        form(table, capacity);
    } catch (const std::bad_alloc &problem) {
        std::set_new_handler(nullptr);
        return problem.what() != nullptr;
    }
    return false;
}
} // namespace operators

int main()
{
    using namespace operators;
    static table all[form_count][tables];
    int failures = 0;

    for (int round = 0; round < rounds; round++)
        for (int form = 0; form < form_count; form++)
            for (int index = 0; index < tables; index++) {
                table &table = all[form][index];
                table.pinned = form == 1 && round == 2 && index == 3;
                std::size_t capacity = std::size_t(16) << round;
                void *old = table.buckets;
                std::size_t bytes = table.capacity * 8;

                forms[form](table, capacity);
                table.capacity = capacity;
                if (table.pinned)
                    truth_finding({.kind = "leaked",
                                   .table = &table,
                                   .table_bytes = sizeof table,
                                   .array = old,
                                   .bytes = bytes,
                                   .new_array = table.buckets,
                                   .new_bytes = capacity * 8,
                                   .moved = 0,
                                   .of = 0,
                                   .pid = 0});
                if (round == 3)
                    failures += fails(forms[form], table);
            }
    truth_line("{\"is\":\"note\",\"failures\":%d,\"handled\":%d}", failures, handled);
    truth_totals(form_count * tables, form_count * tables * (rounds - 1));
    return 0;
}
