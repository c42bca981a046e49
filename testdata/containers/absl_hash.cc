/* absl::flat_hash_map, flat_hash_set and node_hash_map. */
#include <string>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/node_hash_map.h>

#include "truth.h"

template <class Table, class Step> static void watched(Table &table, Step step)
{
    size_t before = table.bucket_count();

    step();
    truth_change(before, table.bucket_count(), 1);
}

int main()
{
    absl::flat_hash_map<long, long> flat;
    absl::flat_hash_set<std::string> set;
    absl::node_hash_map<int, std::string> node;

    for (int i = 0; i < 50000; i++) {
        watched(flat, [&] { flat[i] = i; });
        watched(set, [&] { set.insert("a key that is long enough " + std::to_string(i)); });
        watched(node, [&] { node[i] = "value"; });
    }
    watched(flat, [&] { flat.rehash(500000); });
    flat.clear();
    for (int i = 0; i < 3000; i++)
        watched(flat, [&] { flat[i] = i; });
    truth_print();
}
