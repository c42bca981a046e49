/*
 * The library's own memcpy and the like, for itself alone. The program's may be a
 * sanitizer's: that one reports what our lock guards as a data race, since it does
 * not know our lock, and is no place for the sampler, which has no thread
 * descriptor. In assembler, since a compiler makes a call of memcpy of such loops.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    char *last_to = (char *)to + bytes - 1;
    const char *last_from = (const char *)from + bytes - 1;

    if ((size_t)((char *)to - (const char *)from) >= bytes)
        return memcpy(to, from, bytes);
    __asm__ volatile("std\n\trep movsb\n\tcld"
                     : "+D"(last_to), "+S"(last_from), "+c"(bytes)
                     :
                     : "memory");
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory");
    return start;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const unsigned char *a = left, *b = right;

    for (uint64_t x, y; bytes >= sizeof x; a += sizeof x, b += sizeof x, bytes -= sizeof x) {
        __builtin_memcpy(&x, a, sizeof x);
        __builtin_memcpy(&y, b, sizeof y);
        if (x != y)
            break;
    }
    for (; bytes && *a == *b; bytes--)
        a++, b++;
    return bytes ? *a - *b : 0;
}
