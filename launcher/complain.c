#include "launcher/complain.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *format, ...)
{
    char line[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* One write: the traced program may write to the same stderr. */
    fprintf(stderr, "maptrace: %s\n", line);
}
