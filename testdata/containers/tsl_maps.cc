/* tsl::robin_map, robin_set and hopscotch_map. */
#include <string>

#include <tsl/hopscotch_map.h>
#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

#include "truth.h"

template <class Table, class Step> static void watched(Table &table, Step step)
{
    size_t before = table.bucket_count();

    step();
    truth_change(before, table.bucket_count(), 1);
}

int main(int argc, char **)
{
    tsl::robin_map<long, long> map;
    tsl::robin_set<std::string> set;
    tsl::hopscotch_map<long, long> hopscotch;

    for (int i = 0; i < 30000; i++) {
        watched(map, [&] { map[i] = i; });
        watched(set, [&] { set.insert("key " + std::to_string(i)); });
        if (argc > 1)
            watched(hopscotch, [&] { hopscotch[i] = i; });
    }
    watched(map, [&] { map.rehash(500000); });
    truth_print();
}
