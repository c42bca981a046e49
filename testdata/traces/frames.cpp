/*
 * Prints the return addresses of its own call stack, innermost first and as
 * addresses in its file, one a line: real frames for traces that are made up.
 * The stack is plain_c, a template, an inlined function, a static one, main.
 */
#include <execinfo.h>
#include <link.h>
#include <stdio.h>

#define NOINLINE __attribute__((noinline, noclone))

static int find_base(struct dl_phdr_info *info, size_t, void *base)
{
    *static_cast<ElfW(Addr) *>(base) = info->dlpi_addr;
    return 1; /* the first is the program itself */
}

extern "C" NOINLINE void plain_c(void)
{
    void *addresses[16];
    ElfW(Addr) base = 0;
    dl_iterate_phdr(find_base, &base);
    int count = backtrace(addresses, 16);
    for (int i = 0; i < count; i++)
        printf("%#zx\n", reinterpret_cast<size_t>(addresses[i]) - base);
    asm volatile("" ::: "memory");
}

namespace shelves
{
template <typename Key, typename Value> struct table {
    Key key;
    NOINLINE void grow(Value value)
    {
        plain_c();
        asm volatile("" ::"r"(value), "m"(*this) : "memory");
    }
    __attribute__((always_inline)) inline void insert(Value value)
    {
        grow(value); /* line of insert */
        asm volatile("" ::: "memory");
    }
};
} // namespace shelves

static NOINLINE void fill(shelves::table<int, long> &table)
{
    table.insert(1); /* line of fill */
    asm volatile("" ::: "memory");
}

int main()
{
    shelves::table<int, long> table = {0};
    fill(table); /* line of main */
    return 0;
}
