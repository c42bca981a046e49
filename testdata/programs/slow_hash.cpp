// A table that is long at work when it grows: its hash is asked again for each
// entry, and takes its time. Prints how often an array replaced another.
#include <cstdio>
#include <ctime>
#include <unordered_map>

#ifdef _LIBCPP_VERSION
constexpr size_t no_array = 0;
#else
constexpr size_t no_array = 1;
#endif

static bool slow;

struct Hash {
    // libstdc++ keeps no hash in its entries that is fast, as all are of a type it does not know.
    size_t operator()(int key) const noexcept
    {
        const timespec while_at_work = {0, 40000000};
        if (slow)
            nanosleep(&while_at_work, nullptr);
        return (size_t)key;
    }
};

int main()
{
    std::unordered_map<int, int, Hash> table;
    unsigned resizes = 0;
    for (int key = 0; key < 40; key++) {
        size_t before = table.bucket_count();
        slow = table.size() == 13; // libstdc++ grows then
        table.emplace(key, key);
        resizes += before != no_array && before != table.bucket_count();
    }
    printf("total %u\n", resizes);
    return 0;
}
