/*
 * Texts that came from a trace, made fit to show: traces can be hostile, and
 * paths need not be UTF-8.
 */
#ifndef MAPTRACE_ANALYZER_PRINTABLE_H
#define MAPTRACE_ANALYZER_PRINTABLE_H

#include <stddef.h>

/*
 * Valid UTF-8 on one line that cannot drive a terminal: control characters,
 * those that turn the direction of text, and invalid bytes become \xNN. To be
 * freed; NULL: no memory.
 */
char *printable(const char *text);

/* Valid UTF-8: invalid bytes become U+FFFD. To be freed; NULL: no memory. */
char *printable_utf8(const char *text);

/* Columns that TEXT takes, if every character takes one. */
size_t printable_width(const char *text);

#endif
