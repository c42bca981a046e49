/* boost::unordered_map and, where there is one (flat), boost::unordered_flat_map. */
#include <string>

#include <boost/unordered_map.hpp>
#include <boost/unordered_set.hpp>
#include <boost/version.hpp>
#if BOOST_VERSION >= 108100
#include <boost/unordered/unordered_flat_map.hpp>
#endif

#include "truth.h"

/* Since 1.80 a table has an array of buckets and one of groups. */
#define ARRAYS (BOOST_VERSION >= 108000 ? 2 : 1)

/* Empty tables report buckets that they have not made yet. */
template <class Table, class Step> static void watched(Table &table, int arrays, Step step)
{
    size_t before = table.empty() ? 0 : table.bucket_count();

    step();
    truth_change(before, table.bucket_count(), arrays);
}

int main()
{
    boost::unordered_map<long, long> map;
    boost::unordered_set<std::string> set;
    boost::unordered_multimap<int, int> many;

    for (int i = 0; i < 30000; i++) {
        watched(map, ARRAYS, [&] { map[i] = i; });
        watched(set, ARRAYS, [&] { set.insert("key " + std::to_string(i)); });
        watched(many, ARRAYS, [&] { many.emplace(i / 2, i); });
    }
    watched(map, ARRAYS, [&] { map.rehash(200000); });
    truth_print();
    truth_resizes = 0;
#if BOOST_VERSION >= 108100
    boost::unordered_flat_map<long, long> flat;

    for (int i = 0; i < 30000; i++)
        watched(flat, 1, [&] { flat[i] = i; });
    watched(flat, 1, [&] { flat.rehash(200000); });
#endif
    printf("flat %ld\n", truth_resizes);
}
