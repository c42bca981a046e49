#define _GNU_SOURCE
#include "origin.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "raw.h"

static size_t read_file(const char *name, char *buffer, size_t bytes)
{
    long fd = raw_open(name, O_RDONLY | O_CLOEXEC, 0);
    size_t used = 0;

    if (raw_failed(fd))
        return 0;
    for (long got; used + 1 < bytes; used += (size_t)got) {
        got = raw_read((int)fd, buffer + used, bytes - 1 - used);
        if (got <= 0)
            break;
    }
    raw_close((int)fd);
    buffer[used] = 0;
    return used;
}

static uint64_t number_at(const char *at)
{
    uint64_t number = 0;

    for (; at && *at >= '0' && *at <= '9'; at++)
        number = 10 * number + (uint64_t)(*at - '0');
    return number;
}

bool origin_process(uint32_t pid, struct origin_process *process)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!read_file(path, text, sizeof text))
        return false;
    /* The second field is the name in parentheses, which may hold anything. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at + 1, ' ');
        if (field == 3)
            process->parent = (uint32_t)number_at(at ? at + 1 : NULL);
    }
    process->start_ticks = number_at(at ? at + 1 : NULL);
    return true;
}

void origin_describe(struct trace_header *header, uint32_t root_pid)
{
    char nodename[256];

    header->pid = (uint32_t)raw_getpid();
    header->parent_pid = (uint32_t)getppid();
    header->root_pid = root_pid ? root_pid : header->pid;
    struct origin_process self = {0};
    origin_process(header->pid, &self);
    header->process_start_ticks = self.start_ticks;
    header->start_monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    header->start_realtime_ns = clock_ns(CLOCK_REALTIME);
    size_t got =
        read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id);
    if (got && header->boot_id[got - 1] == '\n')
        header->boot_id[got - 1] = 0;
    if (gethostname(nodename, sizeof nodename - 1) == 0) {
        nodename[sizeof nodename - 1] = 0;
        size_t length = strnlen(nodename, sizeof header->machine - 1);
        memcpy(header->machine, nodename, length);
        header->machine[length] = 0;
    }
    raw_call(SYS_readlink, (long)"/proc/self/exe", (long)header->program,
             sizeof header->program - 1, 0, 0, 0);
    raw_call(SYS_getcwd, (long)header->directory, sizeof header->directory - 1, 0, 0, 0, 0);
    /* Not from main's arguments: the first hook may run before any constructor of ours. */
    header->command_bytes =
        (uint32_t)read_file("/proc/self/cmdline", header->command, sizeof header->command);
    header->command_cut = header->command_bytes == sizeof header->command - 1;
    while (header->command_bytes && header->command[header->command_bytes - 1])
        header->command_bytes--;
}
