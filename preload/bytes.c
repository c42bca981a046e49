/*
 * The library's own memcpy and the like, for itself alone. The program's may be a
 * sanitizer's: that one reports what our lock guards as a data race, since it does
 * not know our lock, and is no place for the sampler, which has no thread
 * descriptor. Made for records of a few hundred bytes.
 */
#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PIECE sizeof(__m128i)

/* A compiler would make a call of memcpy of a loop over copies that it understands. */
#define OPAQUE(value) __asm__("" : "+x"(value))

static inline void move_piece(char *to, const char *from)
{
    __m128i piece = _mm_loadu_si128((const __m128i *)from);

    OPAQUE(piece);
    _mm_storeu_si128((__m128i *)to, piece);
}

/* Fewer than PIECE, which may overlap: all is read before the first is written. */
static inline void move_few(char *to, const char *from, size_t bytes)
{
#define MOVE_TWO(type)                                                                             \
    do {                                                                                           \
        type first, last;                                                                          \
        __builtin_memcpy(&first, from, sizeof first);                                              \
        __builtin_memcpy(&last, from + bytes - sizeof last, sizeof last);                          \
        __builtin_memcpy(to, &first, sizeof first);                                                \
        __builtin_memcpy(to + bytes - sizeof last, &last, sizeof last);                            \
    } while (0)

    if (bytes >= sizeof(uint64_t))
        MOVE_TWO(uint64_t);
    else if (bytes >= sizeof(uint32_t))
        MOVE_TWO(uint32_t);
    else if (bytes >= sizeof(uint16_t))
        MOVE_TWO(uint16_t);
    else if (bytes)
        *to = *from;
#undef MOVE_TWO
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    char *target = to;
    const char *source = from;

    if (bytes < PIECE) {
        move_few(target, source, bytes);
        return to;
    }
    for (size_t at = 0; at < bytes - PIECE; at += PIECE)
        move_piece(target + at, source + at);
    move_piece(target + bytes - PIECE, source + bytes - PIECE);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    char *target = to;
    const char *source = from;

    if (bytes < PIECE)
        move_few(target, source, bytes);
    else if (target <= source)
        for (size_t at = 0; at < bytes; at += PIECE) {
            if (bytes - at < PIECE) {
                move_few(target + at, source + at, bytes - at);
                break;
            }
            move_piece(target + at, source + at);
        }
    else
        while (bytes) {
            size_t most = bytes < PIECE ? bytes : PIECE;

            bytes -= most;
            if (most < PIECE)
                move_few(target + bytes, source + bytes, most);
            else
                move_piece(target + bytes, source + bytes);
        }
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    char *target = to;
    __m128i piece = _mm_set1_epi8((char)byte);

    if (bytes < PIECE) {
        char few[PIECE];

        _mm_storeu_si128((__m128i *)few, piece);
        move_few(target, few, bytes);
        return to;
    }
    for (size_t at = 0; at < bytes - PIECE; at += PIECE) {
        OPAQUE(piece);
        _mm_storeu_si128((__m128i *)(target + at), piece);
    }
    _mm_storeu_si128((__m128i *)(target + bytes - PIECE), piece);
    return to;
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
