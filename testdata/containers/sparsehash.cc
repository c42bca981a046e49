/* google::dense_hash_map; with an argument, google::sparse_hash_map. */
#include <string>

#include <sparsehash/dense_hash_map>
#include <sparsehash/sparse_hash_map>

#include "truth.h"

template <class Table, class Step> static void watched(Table &table, Step step)
{
    size_t before = table.bucket_count();

    step();
    truth_change(before, table.bucket_count(), 1);
}

static void dense()
{
    google::dense_hash_map<long, long> map;
    google::dense_hash_map<std::string, int> strings;

    map.set_empty_key(-1);
    map.set_deleted_key(-2);
    strings.set_empty_key("");
    for (int i = 0; i < 30000; i++) {
        watched(map, [&] { map[i] = i; });
        watched(strings, [&] { strings["key " + std::to_string(i)] = i; });
    }
    for (int i = 0; i < 29990; i++)
        map.erase(i);
    watched(map, [&] { map[100000] = 1; }); /* shrinks */
}

static void sparse()
{
    google::sparse_hash_map<long, long> map;

    for (int i = 0; i < 300000; i++) {
        size_t before = map.bucket_count();

        map[i] = i;
        if (before >= 256) /* 6 groups; fewer are below the rule's `min` */
            truth_change(before, map.bucket_count(), 1);
    }
}

int main(int argc, char **)
{
    if (argc > 1)
        sparse();
    else
        dense();
    truth_print();
}
