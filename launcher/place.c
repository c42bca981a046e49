#define _GNU_SOURCE /* asprintf */
#include "launcher/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/complain.h"

/* CANDIDATES are relative to the folder of this program. */
static char *find(const char *name, const char *const *candidates)
{
    char self[PATH_MAX], *path, *real;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length <= 0) {
        complain("cannot find %s: /proc is not there", name);
        return NULL;
    }
    self[length] = 0;
    *strrchr(self, '/') = 0;
    for (; *candidates; candidates++) {
        if (asprintf(&path, "%s/%s", self, *candidates) < 0)
            return NULL;
        real = realpath(path, NULL);
        free(path);
        if (real)
            return real;
    }
    complain("cannot find %s, which belongs to this program in %s", name, self);
    return NULL;
}

char *place_library(void)
{
    return find("libmaptrace.so",
                (const char *const[]){"libmaptrace.so", "../lib/libmaptrace.so", NULL});
}

char *place_report(void)
{
    return find("maptrace-report", (const char *const[]){"maptrace-report", NULL});
}

char *place_absolute(const char *path)
{
    char *folder, *result = NULL;

    if (*path == '/')
        return strdup(path);
    folder = getcwd(NULL, 0);
    if (!folder || asprintf(&result, "%s/%s", folder, path) < 0)
        result = NULL;
    free(folder);
    return result;
}
