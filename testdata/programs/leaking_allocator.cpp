// Many tables with an allocator of their own, which in one of them forgets the
// array of one size. Prints what is true:
//
//     leaked TABLE ARRAY BYTES NEW_BYTES
#include <cstdio>
#include <memory>
#include <new>
#include <unordered_map>
#include <vector>

struct Heap {
    bool forgetful = false;
    size_t forgets = 0; // bytes
    void *forgotten = nullptr;
};

template <class Type> struct Allocator {
    using value_type = Type;
    Heap *heap;

    explicit Allocator(Heap *from) : heap(from)
    {
    }
    template <class Other> Allocator(const Allocator<Other> &other) : heap(other.heap)
    {
    }

    Type *allocate(size_t number)
    {
        return static_cast<Type *>(::operator new(number * sizeof(Type)));
    }

    void deallocate(Type *block, size_t number)
    {
        if (heap->forgetful && number * sizeof(Type) == heap->forgets)
            heap->forgotten = block;
        else
            ::operator delete(block);
    }

    template <class Other> bool operator==(const Allocator<Other> &other) const
    {
        return heap == other.heap;
    }
    template <class Other> bool operator!=(const Allocator<Other> &other) const
    {
        return heap != other.heap;
    }
};

using Table = std::unordered_map<int, int, std::hash<int>, std::equal_to<int>,
                                 Allocator<std::pair<const int, int>>>;

int main()
{
    std::vector<std::unique_ptr<Heap>> heaps;
    std::vector<std::unique_ptr<Table>> tables;
    for (int number = 0; number < 50; number++) {
        heaps.push_back(std::make_unique<Heap>());
        tables.push_back(std::make_unique<Table>(0, std::hash<int>(), std::equal_to<int>(),
                                                 Allocator<int>(heaps.back().get())));
    }

    // All of them grow in turn, so that equal sizes follow each other.
    size_t bytes = 0;
    for (int key = 0; key < 3000; key++)
        for (size_t number = 0; number < tables.size(); number++) {
            Table &table = *tables[number];
            Heap &heap = *heaps[number];
            if (number == 17 && key == 1000) {
                heap.forgetful = true;
                heap.forgets = bytes = table.bucket_count() * sizeof(void *);
            }
            table[key] = key;
            if (heap.forgotten && heap.forgetful) {
                heap.forgetful = false;
                printf("leaked %p %p %zu %zu\n", (void *)&table, heap.forgotten, bytes,
                       table.bucket_count() * sizeof(void *));
            }
        }
}
