/* A std::unordered_map with as many inserts as the first argument says. */
#include <cstdint>
#include <cstdlib>
#include <unordered_map>

int main(int count, char **arguments)
{
    std::uint64_t inserts = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 5000000;
    std::unordered_map<std::uint64_t, std::uint64_t> map;

    for (std::uint64_t i = 0; i < inserts; i++)
        map[i * 0x9e3779b97f4a7c15u] = i;
    return map.size() == inserts ? 0 : 1;
}
