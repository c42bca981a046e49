/*
 * What libiberty was compiled to call in place of sprintf and snprintf. glibc has
 * them, musl has not, and there the library must load, if only to stay off.
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int __sprintf_chk(char *text, int flag, size_t room, const char *format, ...);
int __snprintf_chk(char *text, size_t most, int flag, size_t room, const char *format, ...);

int __sprintf_chk(char *text, int flag, size_t room, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    int bytes = vsnprintf(text, room < INT_MAX ? room : INT_MAX, format, arguments);
    va_end(arguments);
    return bytes;
}

int __snprintf_chk(char *text, size_t most, int flag, size_t room, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    int bytes = vsnprintf(text, most < room ? most : room, format, arguments);
    va_end(arguments);
    return bytes;
}
