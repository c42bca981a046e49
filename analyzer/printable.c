#define _GNU_SOURCE /* mempcpy */
#include "analyzer/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the well-formed character at TEXT (terminated) and its CODE; 0 if there is none. */
static size_t decode(const unsigned char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = text[0] < 0x80             ? 1
                   : (text[0] & 0xe0) == 0xc0 ? 2
                   : (text[0] & 0xf0) == 0xe0 ? 3
                   : (text[0] & 0xf8) == 0xf0 ? 4
                                              : 0;
    if (bytes == 0)
        return 0;
    *code = bytes == 1 ? text[0] : text[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (text[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[bytes] || *code > 0x10ffff || surrogate ? 0 : bytes;
}

static bool harmless(uint32_t code)
{
    return code >= 0x20 && !(code >= 0x7f && code < 0xa0) && /* controls */
           !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
           !(code >= 0x2060 && code <= 0x206f) && code != 0xfeff;
}

char *printable(const char *text)
{
    char *result = malloc(4 * strlen(text) + 1), *to = result;
    if (!result)
        return NULL;
    for (const unsigned char *from = (const unsigned char *)text; *from;) {
        uint32_t code = 0;
        size_t bytes = decode(from, &code);
        if (bytes && harmless(code)) {
            to = mempcpy(to, from, bytes);
            from += bytes;
            continue;
        }
        for (size_t i = 0; i < (bytes ? bytes : 1); i++)
            to += sprintf(to, "\\x%02x", *from++);
    }
    *to = '\0';
    return result;
}

char *printable_utf8(const char *text)
{
    char *result = malloc(strlen(REPLACEMENT) * strlen(text) + 1), *to = result;
    if (!result)
        return NULL;
    for (const unsigned char *from = (const unsigned char *)text; *from;) {
        uint32_t code;
        size_t bytes = decode(from, &code);
        to = bytes ? mempcpy(to, from, bytes) : stpcpy(to, REPLACEMENT);
        from += bytes ? bytes : 1;
    }
    *to = '\0';
    return result;
}

size_t printable_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}
