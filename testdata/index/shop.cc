// Growth as a member of a template, for a public type and for one that no other unit can see.
#include <cstdio>
#include <cstdlib>

namespace shop
{
template <class Key> class Table
{
  public:
    void put(Key key)
    {
        if (used * 2 >= room)
            grow_shop(room ? room * 2 : 8);
        slots[static_cast<size_t>(long(key)) % room] = key;
        used++;
    }
    size_t size() const
    {
        return used;
    }
    ~Table()
    {
        delete[] slots;
    }

  private:
    void grow_shop(size_t bigger)
    {
        Key *fresh = new Key[bigger]();
        for (size_t i = 0; i < room; i++)
            fresh[static_cast<size_t>(long(slots[i])) % bigger] = slots[i];
        delete[] slots;
        slots = fresh;
        room = bigger;
    }
    Key *slots = nullptr;
    size_t room = 0, used = 0;
};
} // namespace shop

namespace
{
struct Hidden {
    long value = 0;
    explicit operator long() const
    {
        return value;
    }
};

__attribute__((noinline)) size_t hidden_orders(long count)
{
    shop::Table<Hidden> table;
    for (long i = 0; i < count; i++) {
        Hidden hidden;
        hidden.value = i;
        table.put(hidden);
    }
    return table.size();
}
} // namespace

__attribute__((noinline)) size_t orders(long count)
{
    shop::Table<long> table;
    auto twice = [&](long i) {
        table.put(i);
        table.put(i + count);
    };
    for (long i = 0; i < count; i++)
        twice(i);
    return table.size();
}

int main(int argc, char **)
{
    std::printf("%zu %zu\n", orders(argc * 1000), hidden_orders(argc * 1000));
}
