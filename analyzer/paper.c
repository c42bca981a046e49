#include "analyzer/paper.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/printable.h"

void paper_put(struct paper *paper, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(paper->out, format, arguments);
    va_end(arguments);
}

void paper_styled(struct paper *paper, enum paper_style style, const char *format, ...)
{
    static const char *const codes[] = {"", "1", "1;32", "1;31", "1;33", "2"};
    va_list arguments;
    bool coloured = paper->colours && style != PAPER_PLAIN;
    if (coloured)
        fprintf(paper->out, "\033[%sm", codes[style]);
    va_start(arguments, format);
    vfprintf(paper->out, format, arguments);
    va_end(arguments);
    if (coloured)
        fputs("\033[0m", paper->out);
}

size_t paper_foreign(struct paper *paper, const char *text)
{
    char *safe = printable(text);
    const char *shown = safe ? safe : "?";
    size_t width = printable_width(shown);
    fputs(shown, paper->out);
    free(safe);
    return width;
}

void paper_wrap(struct paper *paper, size_t column, size_t indent, const char *text)
{
    char *safe = printable(text), *rest = safe, *word;
    bool fresh = true; /* nothing on this line yet */
    while (safe && (word = strsep(&rest, " "))) {
        size_t width = printable_width(word);
        if (width == 0)
            continue;
        if (!fresh && column + 1 + width > PAPER_COLUMNS) {
            fprintf(paper->out, "\n%*s", (int)indent, "");
            column = indent;
            fresh = true;
        }
        column += width + !fresh;
        fprintf(paper->out, "%s%s", fresh ? "" : " ", word);
        fresh = false;
    }
    fputc('\n', paper->out);
    free(safe);
}
