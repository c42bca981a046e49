/* Machine code that is exactly as expected, but for what may differ. */
#ifndef MAPTRACE_GOLANG_PATTERN_H
#define MAPTRACE_GOLANG_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where PATTERN stands in CODE: its offset, or PATTERN_NONE if it stands nowhere or
 * twice. PATTERN is words: two hexadecimal digits a byte, `..` any byte, `nop` what
 * assemblers align with, or nothing.
 */
#define PATTERN_NONE ((size_t)-1)
size_t pattern_find(const unsigned char *code, size_t bytes, const char *pattern);

/* True if CODE begins with PATTERN. */
bool pattern_begins(const unsigned char *code, size_t bytes, const char *pattern);

#endif
