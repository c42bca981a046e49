// What is learned of a grow function must not be believed when tables have
// changed places since: after many grows by the same calls the tables are
// exchanged, moved or made anew at addresses that were tables before, and then
// every third one keeps its old array.
//
//     learned swapped|moved|remade|stack

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "truth.h"

namespace learned
{
struct table {
    long *slots = nullptr;
    std::size_t room = 0;

    table() = default;
    table(table &&other) noexcept
    {
        swap(other);
    }
    table &operator=(table &&other) noexcept
    {
        table(std::move(other)).swap(*this);
        return *this;
    }
    ~table()
    {
        std::free(slots);
    }

    void swap(table &other) noexcept
    {
        std::swap(slots, other.slots);
        std::swap(room, other.room);
    }
    void grow(bool keep);
};

int tables, resizes;

NOINLINE void table::grow(bool keep)
{
    std::size_t wider = room ? 2 * room : 8;
    long *old = slots, *fresh = static_cast<long *>(std::calloc(wider, sizeof *fresh));

    if (!fresh)
        std::abort();
    std::copy(slots, slots + room, fresh);
    slots = fresh;
    if (old) {
        resizes++;
        if (keep)
            truth_finding({"leaked", this, sizeof *this, old, room * sizeof *old, fresh,
                           wider * sizeof *fresh, 0, 0, 0});
        else
            std::free(old);
    } else {
        tables++;
    }
    room = wider;
    USE(this);
}

// All grow from here: what is learned of one is believed of the others.
NOINLINE void grow(table &table, bool keep = false)
{
    table.grow(keep);
    USE(&table);
}

using owned = std::unique_ptr<table>;
constexpr int TABLES = 24, LEARNING = 6, ROUNDS = 4;

void grow_all(owned *all, bool keep)
{
    for (int i = 0; i < TABLES; i++)
        grow(*all[i], keep && i % 3 == 0);
}

void swapped(owned *all)
{
    for (int i = 0; i + 1 < TABLES; i += 2)
        std::swap(*all[i], *all[i + 1]);
}

// To new places; where they were, new tables begin.
void moved(owned *all)
{
    for (int i = 0; i < TABLES; i++) {
        owned place = std::make_unique<table>(std::move(*all[i]));

        grow(*all[i]);
        grow(*all[i]);
        all[i].swap(place);
    }
}

// The arrays move out of tables that are freed, into others made where those were.
void remade(owned *all)
{
    for (int i = 0; i < TABLES; i++) {
        table rescued = std::move(*all[i]);

        all[i].reset();
        all[i] = std::make_unique<table>();
        grow(*all[i]);
        *all[(i + 1) % TABLES] = std::move(rescued);
    }
}

NOINLINE void on_the_stack(int depth)
{
    table here, there;

    for (int i = 0; i < LEARNING; i++) {
        grow(here);
        grow(there);
        std::swap(here, there);
    }
    if (depth > 0)
        on_the_stack(depth - 1);
    grow(here, depth == 0);
    grow(there, depth == 2);
}
} // namespace learned

int main(int count, char **arguments)
{
    using namespace learned;
    if (count != 2)
        return 2;
    std::string mode = arguments[1];
    auto change = mode == "swapped" ? swapped : mode == "moved" ? moved : remade;
    owned all[TABLES];

    for (owned &each : all)
        each = std::make_unique<table>();
    if (mode == "stack")
        for (int i = 0; i < 8; i++)
            on_the_stack(i % 4);
    for (int i = 0; i < LEARNING; i++)
        grow_all(all, false);
    for (int i = 0; i < ROUNDS && mode != "stack"; i++) {
        change(all);
        grow_all(all, i + 1 == ROUNDS);
    }
    truth_line("{\"is\":\"totals\",\"tables\":%d,\"resizes\":%d}", tables, resizes);
    return 0;
}
