#include "rules/rule.h"

uint64_t rules_hash(uint64_t seed, const char *text, size_t bytes)
{
    uint64_t hash = seed;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
    return hash;
}
