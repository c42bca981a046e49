#define _GNU_SOURCE
#include "golang/origin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_file(const char *path, char *buffer, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got;

    if (fd >= 0) {
        while (used + 1 < bytes && (got = read(fd, buffer + used, bytes - 1 - used)) > 0)
            used += (size_t)got;
        close(fd);
    }
    buffer[used] = 0;
    return used;
}

/* Fields 4 and 22 of /proc/PID/stat; what cannot be read is 0. */
static void read_stat(pid_t pid, uint32_t *parent, uint64_t *start_ticks)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_file(path, text, sizeof text);
    /* Field 2 is the name in parentheses, which may hold anything. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) {
        if (field == 4)
            *parent = (uint32_t)strtoul(at, NULL, 10);
        at = strchr(at + 1, ' ');
    }
    *start_ticks = at ? strtoull(at, NULL, 10) : 0;
}

uint64_t origin_start_ticks(pid_t pid)
{
    uint64_t ticks = 0;
    uint32_t nobody = 0;

    read_stat(pid, &nobody, &ticks);
    return ticks;
}

static void read_link(char *to, size_t bytes, pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    ssize_t length = readlink(path, to, bytes - 1);
    to[length > 0 ? length : 0] = 0;
}

static void copy_command(struct trace_header *header, char *const *command)
{
    for (; *command; command++) {
        size_t bytes = strlen(*command) + 1;
        if (header->command_bytes + bytes > sizeof header->command) {
            header->command_cut = 1;
            return;
        }
        memcpy(header->command + header->command_bytes, *command, bytes);
        header->command_bytes += (uint32_t)bytes;
    }
}

static void read_command(struct trace_header *header, pid_t pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    header->command_bytes = (uint32_t)read_file(path, header->command, sizeof header->command);
    header->command_cut = header->command_bytes == sizeof header->command - 1;
    while (header->command_bytes && header->command[header->command_bytes - 1])
        header->command_bytes--;
}

void origin_of(struct trace_header *header, pid_t pid, char *const *command)
{
    char name[sizeof header->machine + 1] = "";

    header->pid = (uint32_t)pid;
    header->root_pid = (uint32_t)pid;
    read_stat(pid, &header->parent_pid, &header->process_start_ticks);
    header->writer_pid = (uint32_t)getpid();
    header->writer_start_ticks = origin_start_ticks(getpid());
    read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id);
    header->boot_id[strcspn(header->boot_id, "\n")] = 0;
    if (gethostname(name, sizeof name - 1) == 0)
        memcpy(header->machine, name, strnlen(name, sizeof header->machine - 1));
    read_link(header->program, sizeof header->program, pid, "exe");
    read_link(header->directory, sizeof header->directory, pid, "cwd");
    if (command)
        copy_command(header, command);
    else
        read_command(header, pid);
}
