/*
 * Stands in for libmaptrace.so in the tests of the launcher: writes a trace that
 * is a header and nothing else, by the same rules. The first process writes
 * MAPTRACE_OUTPUT, a descendant MAPTRACE_OUTPUT.PID. STUB_END=no: it dies
 * without a word.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../trace/format.h"

static struct trace_header header;
static char path[4096];

static void write_header(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, &header, sizeof header) != sizeof header)
        abort();
    close(fd);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    const char *output = getenv("MAPTRACE_OUTPUT"), *root = getenv("STUB_ROOT");
    char old[4200], pid[20];

    if (!output)
        return;
    memcpy(header.magic, TRACE_MAGIC, sizeof header.magic);
    header.version = TRACE_VERSION;
    header.header_bytes = sizeof header;
    header.file_bytes = sizeof header;
    header.pid = (uint32_t)getpid();
    header.root_pid = root ? (uint32_t)atoi(root) : header.pid;
    header.start_monotonic_ns = now();
    if (root) {
        snprintf(path, sizeof path, "%s.%d", output, getpid());
    } else {
        snprintf(path, sizeof path, "%s", output);
        snprintf(old, sizeof old, "%s.old", path);
        rename(path, old);
        snprintf(pid, sizeof pid, "%d", getpid());
        setenv("STUB_ROOT", pid, 1);
    }
    write_header();
}

__attribute__((destructor)) static void end(void)
{
    const char *wanted = getenv("STUB_END");

    if (!*path || (wanted && !strcmp(wanted, "no")))
        return;
    header.end = TRACE_END_EXIT;
    header.end_ns = now() - header.start_monotonic_ns;
    write_header();
}
