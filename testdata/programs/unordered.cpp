// Every way in which a std::unordered_* table lives: in a frame, as a global,
// on the heap, moved by a vector, swapped, moved from, copied, cleared, shrunk,
// reserved, and in eight threads. Counts by bucket_count() what is true:
//
//     table NAME ADDRESS BYTES RESIZES   each table that is alive at the end
//     total RESIZES                      of all tables that ever were
//
// RESIZES of a table that was moved or swapped is "-": it depends on what
// counts as that table. Ends without destructors if called with "quick".
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#ifdef _LIBCPP_VERSION
constexpr size_t no_array = 0;
#else
constexpr size_t no_array = 1; // the single bucket stands in the table itself
#endif

static std::atomic<unsigned> total;

// A resize replaces one array by another: getting the first one is none, and
// neither is giving the last one back.
template <class Table, class Change> static unsigned count(Table &table, Change change)
{
    size_t before = table.bucket_count();
    change();
    size_t after = table.bucket_count();
    bool replaced = before != after && before > no_array && after > no_array;
    total += replaced;
    return replaced;
}

template <class Table> static void print(const char *name, const Table &table, int resizes)
{
    printf("table %s %p %zu ", name, (const void *)&table, table.bucket_count() * sizeof(void *));
    printf(resizes < 0 ? "-\n" : "%d\n", resizes);
}

static unsigned fill(std::unordered_map<int, int> &table, int from, int to)
{
    unsigned resizes = 0;
    for (int key = from; key < to; key++)
        resizes += count(table, [&] { table[key] = key; });
    return resizes;
}

// The only call site of its instantiation: all of it is inlined here.
__attribute__((noinline)) static void in_a_frame(void)
{
    std::unordered_map<short, char> table;
    for (short key = 0; key < 5000; key++)
        count(table, [&] { table.emplace(key, 'x'); });
}

static std::unordered_map<int, int> a_global;
static std::unordered_set<std::string> a_set;
static std::unordered_multimap<long, long> a_multimap;
static std::unordered_multiset<unsigned> a_multiset;

static void globals(void)
{
    unsigned resizes = fill(a_global, 0, 20000);
    print("global", a_global, resizes);
    resizes = 0;
    for (int key = 0; key < 4000; key++)
        resizes += count(a_set, [&] { a_set.insert(std::to_string(key)); });
    print("set", a_set, resizes);
    resizes = 0;
    for (int key = 0; key < 6000; key++)
        resizes += count(a_multimap, [&] { a_multimap.emplace(key % 100, key); });
    print("multimap", a_multimap, resizes);
    resizes = 0;
    for (int key = 0; key < 3000; key++)
        resizes += count(a_multiset, [&] { a_multiset.insert(key / 2); });
    print("multiset", a_multiset, resizes);
}

// A vector that grows moves its tables to another place between two resizes.
static std::vector<std::unordered_map<int, int>> in_a_vector(void)
{
    std::vector<std::unordered_map<int, int>> tables;
    for (int number = 0; number < 20; number++) {
        tables.emplace_back();
        for (auto &table : tables)
            fill(table, table.size(), table.size() + 100);
    }
    for (auto &table : tables) {
        fill(table, table.size(), 5000);
        print("vector", table, -1);
    }
    return tables;
}

int main(int argc, char **argv)
{
    for (int round = 0; round < 3; round++)
        in_a_frame();
    globals();

    auto heap = std::make_unique<std::unordered_map<int, int>>();
    print("heap", *heap, fill(*heap, 0, 3000));

    auto vector = in_a_vector();

    std::unordered_map<int, int> left, right;
    fill(left, 0, 1000);
    fill(right, 0, 100);
    left.swap(right);
    fill(left, 100, 2000);
    fill(right, 1000, 3000);
    print("swapped", left, -1);
    print("swapped", right, -1);

    std::unordered_map<int, int> source, target;
    fill(source, 0, 1500);
    fill(target, 0, 200);
    target = std::move(source); // frees the array of target, which is no resize
    source.clear();
    fill(source, 0, 700);
    fill(target, 1500, 4000);
    print("moved-from", source, -1);
    print("moved-to", target, -1);

    std::unordered_map<int, int> original;
    unsigned resizes = fill(original, 0, 900);
    std::unordered_map<int, int> copy(original);
    std::unordered_map<int, int> assigned;
    fill(assigned, 0, 1000);
    assigned = original;
    print("original", original, resizes);
    fill(copy, 900, 5000);
    print("copy", copy, -1);
    fill(assigned, 900, 9000);
    print("assigned", assigned, -1);

    std::unordered_map<int, int> cleared;
    resizes = fill(cleared, 0, 2500);
    cleared.clear();
    resizes += fill(cleared, 0, 6000);
    print("cleared", cleared, resizes);

    std::unordered_map<int, int> shrunk;
    resizes = fill(shrunk, 0, 8000);
    for (int key = 100; key < 8000; key++)
        shrunk.erase(key);
    resizes += count(shrunk, [&] { shrunk.rehash(0); });
    print("shrunk", shrunk, resizes);

    std::unordered_map<int, int> emptied;
    fill(emptied, 0, 2000);
    emptied.clear();
    count(emptied, [&] { emptied.rehash(0); });
    fill(emptied, 0, 1200);
    print("emptied", emptied, -1);

    std::unordered_map<int, int> reserved;
    resizes = count(reserved, [&] { reserved.reserve(10000); });
    resizes += count(reserved, [&] { reserved.reserve(50000); });
    resizes += fill(reserved, 0, 50000);
    print("reserved", reserved, resizes);

    std::vector<std::unordered_map<int, int>> of_threads[8];
    std::vector<std::thread> threads;
    for (auto &tables : of_threads)
        threads.emplace_back([&tables] {
            tables.resize(20);
            for (int round = 1; round <= 10; round++)
                for (auto &table : tables)
                    fill(table, table.size(), 200 * round);
            for (int number = 0; number < 200; number++) {
                std::unordered_map<int, int> passing;
                fill(passing, 0, 50);
            }
        });
    for (auto &thread : threads)
        thread.join();
    for (auto &tables : of_threads)
        for (auto &table : tables)
            print("thread", table, -1);

    printf("total %u\n", total.load());
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "quick") == 0)
        _exit(0);
}
