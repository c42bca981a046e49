#include "golang/pattern.h"

#include <stdlib.h>
#include <string.h>

/* Intel's recommended multi-byte nops, as Go's and GNU's assemblers use them. */
static size_t skip_nops(const unsigned char *code, size_t bytes)
{
    static const struct {
        size_t bytes;
        unsigned char code[9];
    } nops[] = {
        {1, {0x90}},
        {2, {0x66, 0x90}},
        {3, {0x0f, 0x1f, 0x00}},
        {4, {0x0f, 0x1f, 0x40, 0x00}},
        {5, {0x0f, 0x1f, 0x44, 0x00, 0x00}},
        {6, {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00}},
        {7, {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00}},
        {8, {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}},
        {9, {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}},
    };
    size_t at = 0;

    for (size_t i = 0; i < sizeof nops / sizeof *nops; i++)
        if (bytes - at >= nops[i].bytes && !memcmp(code + at, nops[i].code, nops[i].bytes)) {
            at += nops[i].bytes;
            i = (size_t)-1; /* from the start: there may be several */
        }
    return at;
}

bool pattern_begins(const unsigned char *code, size_t bytes, const char *pattern)
{
    size_t at = 0;

    for (const char *word = pattern; *word; word += strcspn(word, " "), word += *word == ' ') {
        if (!strncmp(word, "nop", 3)) {
            at += skip_nops(code + at, bytes - at);
            continue;
        }
        if (at == bytes || (*word != '.' && code[at] != strtoul(word, NULL, 16)))
            return false;
        at++;
    }
    return true;
}

size_t pattern_find(const unsigned char *code, size_t bytes, const char *pattern)
{
    size_t found = PATTERN_NONE;

    for (size_t at = 0; at < bytes; at++) {
        if (!pattern_begins(code + at, bytes - at, pattern))
            continue;
        if (found != PATTERN_NONE)
            return PATTERN_NONE;
        found = at;
    }
    return found;
}
