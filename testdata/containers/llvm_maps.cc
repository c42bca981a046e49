/* llvm::DenseMap, SmallDenseMap and StringMap. The argument is the number of entries. */
#include <cstdlib>
#include <string>

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/StringMap.h>

#include "truth.h"

int main(int argc, char **argv)
{
    const int entries = argc > 1 ? atoi(argv[1]) : 0;
    const size_t inline_bytes = 8 * sizeof(llvm::detail::DenseMapPair<int, long>);
    long string_resizes = 0;

    llvm::DenseMap<int, long> dense;
    llvm::SmallDenseMap<int, long, 8> small;
    llvm::StringMap<int> strings;

    for (int i = 0; i < entries; i++) {
        size_t dense_bytes = dense.getMemorySize(), small_bytes = small.getMemorySize(),
               buckets = strings.getNumBuckets();

        dense[i] = i;
        small[i] = i;
        strings["key " + std::to_string(i)] = i;
        truth_change(dense_bytes, dense.getMemorySize(), 1);
        truth_change(small_bytes > inline_bytes ? small_bytes : 0, small.getMemorySize(), 1);
        string_resizes += buckets && buckets != strings.getNumBuckets();
    }
    printf("densemap %ld\nstringmap %ld\n", truth_resizes, string_resizes);
}
