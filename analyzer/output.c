#define _GNU_SOURCE /* asprintf */
#include "analyzer/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(descriptor, bytes, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

/* Writes and closes; some file systems say only then that they are full. */
static int fill(int descriptor, const char *bytes, size_t length)
{
    int outcome = write_all(descriptor, bytes, length);
    if (close(descriptor) != 0 && outcome == 0)
        outcome = -errno;
    return outcome;
}

/* A device or a pipe takes the report itself: renaming a file over it would destroy it. */
static int write_in_place(const char *path, const char *bytes, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return descriptor < 0 ? -errno : fill(descriptor, bytes, length);
}

static int replace(const char *path, const char *bytes, size_t length)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    int descriptor = mkostemp(temporary, O_CLOEXEC), outcome = -errno;
    if (descriptor >= 0) {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(descriptor, 0666 & ~mask);
        outcome = fill(descriptor, bytes, length);
        if (outcome == 0 && rename(temporary, path) != 0)
            outcome = -errno;
        if (outcome)
            unlink(temporary);
    }
    free(temporary);
    return outcome;
}

int output_write(const char *path, const char *bytes, size_t length)
{
    if (!path)
        return write_all(STDOUT_FILENO, bytes, length);
    struct stat status;
    /* The file that a link leads to is replaced, not the link. */
    char *target = realpath(path, NULL);
    if (!target)
        return errno == ENOENT ? replace(path, bytes, length) : -errno;
    int outcome = stat(target, &status) == 0 && !S_ISREG(status.st_mode)
                      ? write_in_place(target, bytes, length)
                      : replace(target, bytes, length);
    free(target);
    return outcome;
}
