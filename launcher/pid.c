#include "launcher/pid.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "launcher/complain.h"

pid_t pid_read(const char *text)
{
    char *end;

    errno = 0;
    long pid = strtol(text, &end, 10);
    if (errno || *end || end == text || pid <= 0 || pid > INT32_MAX) {
        complain("%s: this is no process id", text);
        return -1;
    }
    return (pid_t)pid;
}
