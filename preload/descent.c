#define _GNU_SOURCE
#include "descent.h"

#include <fcntl.h>
#include <string.h>

#include "../trace/format.h"
#include "origin.h"
#include "raw.h"

enum { GENERATIONS_MOST = 64 };

static bool read_header(const char *path, struct trace_header *header)
{
    long fd = raw_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);

    if (raw_failed(fd))
        return false;
    long got = raw_read((int)fd, header, sizeof *header);
    raw_close((int)fd);
    return got == (long)sizeof *header &&
           memcmp(header->magic, TRACE_MAGIC, sizeof header->magic) == 0 &&
           header->version == TRACE_VERSION;
}

uint32_t descent_root(const char *path)
{
    struct trace_header header;
    uint32_t pid = (uint32_t)raw_getpid();

    if (!read_header(path, &header))
        return 0;
    for (int generation = 0; pid > 1 && generation < GENERATIONS_MOST; generation++) {
        struct origin_process process;

        if (!origin_process(pid, &process))
            return 0;
        if (pid == header.pid)
            return process.start_ticks == header.process_start_ticks ? header.root_pid : 0;
        pid = process.parent;
    }
    return 0;
}
