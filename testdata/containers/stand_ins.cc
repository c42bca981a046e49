/*
 * Tables with the function names, and the order of allocation and release, of
 * header-only libraries that Debian has no package of: robin_hood (flat and
 * node map), ankerl::unordered_dense and folly's F14. Numbers go in; that is all
 * they can do. The argument says which one.
 */
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "truth.h"

#define NOINLINE __attribute__((noinline))

static size_t slot_of(uint64_t key, size_t mask)
{
    return key * 0x9e3779b97f4a7c15u >> 20 & mask;
}

/* Open addressing; 0 is no key. */
static void put(uint64_t *slots, size_t mask, uint64_t key)
{
    size_t slot = slot_of(key, mask);

    while (slots[slot])
        slot = (slot + 1) & mask;
    slots[slot] = key;
}

namespace robin_hood
{
namespace detail
{
/* One block by malloc; a node map gives the old one to its pool of nodes. */
template <bool IsFlat, typename Key> class Table
{
  public:
    Table() = default;
    Table(Table &&other) noexcept
        : pool(std::exchange(other.pool, nullptr)),
          mKeyVals(std::exchange(other.mKeyVals, nullptr)), mMask(other.mMask),
          mNumElements(other.mNumElements)
    {
    }
    ~Table()
    {
        while (pool) {
            uint64_t *next;
            memcpy(&next, pool, sizeof next);
            free(pool);
            pool = next;
        }
        free(mKeyVals);
    }
    NOINLINE void insert(Key key)
    {
        if ((mNumElements + 1) * 5 > (mMask + 1) * 4 || !mKeyVals)
            rehashPowerOfTwo(mKeyVals ? (mMask + 1) * 2 : 8);
        put(mKeyVals, mMask, key);
        mNumElements++;
    }
    size_t buckets() const
    {
        return mKeyVals ? mMask + 1 : 0;
    }

  private:
    NOINLINE void rehashPowerOfTwo(size_t buckets)
    {
        uint64_t *old = mKeyVals;
        size_t count = old ? mMask + 1 : 0;

        initData(buckets);
        for (size_t i = 0; i < count; i++)
            if (old[i])
                put(mKeyVals, mMask, old[i]);
        if (IsFlat)
            free(old);
        else if (old) { /* the pool is a list through its blocks */
            memcpy(old, &pool, sizeof pool);
            pool = old;
        }
    }
    NOINLINE void initData(size_t buckets)
    {
        mKeyVals = static_cast<uint64_t *>(malloc(buckets * sizeof *mKeyVals));
        memset(mKeyVals, 0, buckets * sizeof *mKeyVals);
        mMask = buckets - 1;
    }

    uint64_t *pool = nullptr;
    uint64_t *mKeyVals = nullptr;
    size_t mMask = 0, mNumElements = 0;
};
} // namespace detail
} // namespace robin_hood

namespace ankerl
{
namespace unordered_dense
{
namespace v4_9_2
{
namespace detail
{
/* Values in a vector; since 4.9 the new vector of buckets is made beside the old one. */
template <typename Key> class table
{
  public:
    NOINLINE void insert(Key key)
    {
        m_values.push_back(key);
        if (m_values.size() * 5 > m_buckets.size() * 4)
            increase_size();
        else
            put(m_buckets.data(), m_buckets.size() - 1, key);
    }
    size_t buckets() const
    {
        return m_buckets.size();
    }

  private:
    NOINLINE void increase_size()
    {
        size_t wanted = m_buckets.empty() ? 4 : m_buckets.size() * 2;

        allocate_buckets_from_shift(static_cast<uint8_t>(__builtin_ctzl(wanted)));
        for (Key key : m_values)
            put(m_buckets.data(), wanted - 1, key);
    }
    NOINLINE void allocate_buckets_from_shift(uint8_t shifts)
    {
        std::vector<uint64_t> fresh;

        fresh.resize(size_t{1} << shifts);
        m_buckets = std::move(fresh);
    }

    std::vector<Key> m_values;
    std::vector<uint64_t> m_buckets;
};
} // namespace detail
} // namespace v4_9_2
} // namespace unordered_dense
} // namespace ankerl

namespace folly
{
namespace f14
{
namespace detail
{
/* Beyond 256 chunks a rehash also uses a scratch block of one byte a chunk. */
template <typename Key> class F14Table
{
  public:
    F14Table() = default;
    F14Table(F14Table &&other) noexcept
        : chunks_(std::exchange(other.chunks_, nullptr)), chunkMask_(other.chunkMask_),
          size_(other.size_)
    {
    }
    ~F14Table()
    {
        ::operator delete(chunks_);
    }
    NOINLINE void insert(Key key)
    {
        if ((size_ + 1) * 5 > (chunkMask_ + 1) * 4 || !chunks_)
            reserveForInsertImpl();
        put(chunks_, chunkMask_, key);
        size_++;
    }
    size_t buckets() const
    {
        return chunks_ ? chunkMask_ + 1 : 0;
    }

  private:
    NOINLINE void reserveForInsertImpl()
    {
        rehashImpl(chunks_ ? (chunkMask_ + 1) * 2 : 2);
    }
    NOINLINE void rehashImpl(size_t chunks)
    {
        uint64_t *old = chunks_;
        size_t count = old ? chunkMask_ + 1 : 0;

        chunks_ = static_cast<uint64_t *>(::operator new(chunks * sizeof *chunks_));
        memset(chunks_, 0, chunks * sizeof *chunks_);
        chunkMask_ = chunks - 1;
        void *scratch = chunks > 256 ? ::operator new(chunks) : nullptr;
        if (scratch)
            memset(scratch, 0, chunks);
        for (size_t i = 0; i < count; i++)
            if (old[i])
                put(chunks_, chunkMask_, old[i]);
        ::operator delete(scratch);
        ::operator delete(old);
    }

    uint64_t *chunks_ = nullptr;
    size_t chunkMask_ = 0, size_ = 0;
};
} // namespace detail
} // namespace f14
} // namespace folly

template <class Table> static void insert(Table &table, uint64_t key)
{
    size_t before = table.buckets();

    table.insert(key);
    truth_change(before, table.buckets(), 1);
}

template <class Table> static void grow()
{
    Table first, second;
    std::vector<Table> moved;

    for (uint64_t i = 1; i < 20000; i++) {
        insert(first, i);
        insert(second, i);
    }
    for (uint64_t i = 0; i < 20; i++) {
        moved.emplace_back(); /* the vector moves the tables */
        for (Table &table : moved)
            for (uint64_t n = 1; n < 40; n++)
                insert(table, i * 40 + n);
    }
    truth_print();
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "";

    if (!strcmp(which, "robin-hood-flat"))
        grow<robin_hood::detail::Table<true, uint64_t>>();
    else if (!strcmp(which, "robin-hood-node"))
        grow<robin_hood::detail::Table<false, uint64_t>>();
    else if (!strcmp(which, "ankerl"))
        grow<ankerl::unordered_dense::v4_9_2::detail::table<uint64_t>>();
    else if (!strcmp(which, "folly"))
        grow<folly::f14::detail::F14Table<uint64_t>>();
    else
        return 2;
}
