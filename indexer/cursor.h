/*
 * Bounded reading of DWARF's encodings: a read past the end gives zeros and
 * sets `failed`, so that loops need one test.
 */
#ifndef MAPTRACE_INDEXER_CURSOR_H
#define MAPTRACE_INDEXER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline void cursor_fail(struct cursor *cursor)
{
    cursor->failed = true;
    cursor->at = cursor->end;
}

static inline void cursor_skip(struct cursor *cursor, uint64_t bytes)
{
    if (bytes > (uint64_t)(cursor->end - cursor->at))
        cursor_fail(cursor);
    else
        cursor->at += bytes;
}

/* A little-endian number of 0 to 8 bytes. */
static inline uint64_t cursor_number(struct cursor *cursor, size_t bytes)
{
    uint64_t number = 0;

    if (bytes > (size_t)(cursor->end - cursor->at)) {
        cursor_fail(cursor);
        return 0;
    }
    memcpy(&number, cursor->at, bytes);
    cursor->at += bytes;
    return number;
}

static inline uint64_t cursor_leb(struct cursor *cursor)
{
    uint64_t number = 0;

    for (unsigned shift = 0; cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift < 64)
            number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return number;
    }
    cursor_fail(cursor);
    return 0;
}

/* A terminated string; the empty one when it is not. */
static inline const char *cursor_string(struct cursor *cursor)
{
    const uint8_t *start = cursor->at;
    const uint8_t *end = memchr(start, '\0', (size_t)(cursor->end - start));

    if (!end) {
        cursor_fail(cursor);
        return "";
    }
    cursor->at = end + 1;
    return (const char *)start;
}

#endif
