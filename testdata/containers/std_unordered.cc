/* std::unordered_map, set, multimap and multiset, of libstdc++ or libc++. */
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "truth.h"

/* Buckets that lie in an array: libstdc++ keeps a single one in the table itself. */
template <class Table> size_t in_array(const Table &table)
{
#ifdef __GLIBCXX__
    return table.bucket_count() == 1 ? 0 : table.bucket_count();
#else
    return table.bucket_count();
#endif
}

template <class Table, class Step> void watched(Table &table, Step step)
{
    size_t before = in_array(table);

    step(table);
    truth_change(before, in_array(table), 1);
}

static std::unordered_map<int, int> global;

int main()
{
    std::unordered_map<std::string, int> strings;
    std::unordered_multimap<long, int> many;
    std::unordered_set<long> set;
    std::unordered_multiset<int> bag;
    auto on_heap = std::make_unique<std::unordered_map<int, int>>();
    std::vector<std::unordered_map<int, int>> moved;

    for (int i = 0; i < 20000; i++) {
        watched(global, [&](auto &table) { table[i] = i; });
        watched(strings, [&](auto &table) { table.emplace("key " + std::to_string(i), i); });
        watched(many, [&](auto &table) { table.emplace(i / 2, i); });
        watched(set, [&](auto &table) { table.insert(i * 7); });
        watched(bag, [&](auto &table) { table.insert(i / 3); });
        watched(*on_heap, [&](auto &table) { table.emplace(i, i); });
    }
    for (int i = 0; i < 20; i++) {
        moved.emplace_back(); /* the vector moves the tables */
        for (auto &table : moved)
            for (int n = 0; n < 40; n++)
                watched(table, [&](auto &one) { one[i * 1000 + n] = n; });
    }
    watched(set, [](auto &table) { table.rehash(100000); });
    watched(set, [](auto &table) { table.reserve(500000); });
    set.clear();
    watched(set, [](auto &table) { table.rehash(0); });
    std::swap(global, *on_heap);
    for (int i = 20000; i < 60000; i++)
        watched(global, [&](auto &table) { table[i] = i; });
    truth_print();
}
