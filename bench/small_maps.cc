/* Builds and drops as many std::unordered_maps of 100 entries as the argument says: resizes,
 * mostly. */
#include <cstdlib>
#include <unordered_map>

int main(int count, char **arguments)
{
    long maps = count > 1 ? std::atol(arguments[1]) : 2000000, sum = 0;

    for (long i = 0; i < maps; i++) {
        std::unordered_map<int, int> map;

        for (int key = 0; key < 100; key++)
            map[key] = key;
        sum += static_cast<long>(map.size());
    }
    return sum == 100 * maps ? 0 : 1;
}
