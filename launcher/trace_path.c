#include "launcher/trace_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *trace_path(const char *pattern, pid_t pid, const char *command)
{
    const char *slash = strrchr(command, '/');
    char *path = NULL;
    size_t bytes;
    FILE *out = open_memstream(&path, &bytes);

    if (!out)
        return NULL;
    for (; *pattern; pattern++) {
        if (*pattern != '%' || !pattern[1]) {
            fputc(*pattern, out);
        } else if (*++pattern == 'p') {
            fprintf(out, "%d", (int)pid);
        } else if (*pattern == 'e') {
            fputs(slash ? slash + 1 : command, out);
        } else {
            if (*pattern != '%')
                fputc('%', out);
            fputc(*pattern, out);
        }
    }
    if (fclose(out) != 0) {
        free(path);
        return NULL;
    }
    return path;
}
