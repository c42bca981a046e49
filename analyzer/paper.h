/*
 * Writes text for people: 100 columns, colours where they are wanted, and
 * nothing from a trace that could drive a terminal. Failures are kept by the
 * FILE; ask ferror() at the end.
 */
#ifndef MAPTRACE_ANALYZER_PAPER_H
#define MAPTRACE_ANALYZER_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PAPER_COLUMNS 100

struct paper {
    FILE *out;
    bool colours;
};

enum paper_style { PAPER_PLAIN, PAPER_BOLD, PAPER_GOOD, PAPER_BAD, PAPER_DOUBT, PAPER_FAINT };

/* printf for texts and numbers of our own. */
void paper_put(struct paper *paper, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, in STYLE. */
void paper_styled(struct paper *paper, enum paper_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text that may come from a trace, made printable. Returns its width. */
size_t paper_foreign(struct paper *paper, const char *text);

/*
 * Fills lines with the words of TEXT, which may come from a trace. The first
 * line starts in column COLUMN (0 is the leftmost), where the paper is already;
 * the others get INDENT blanks. Ends with a newline.
 */
void paper_wrap(struct paper *paper, size_t column, size_t indent, const char *text);

#endif
