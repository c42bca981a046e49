#include "trace/reader_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool this_boot(const char *boot_id)
{
    char now[sizeof(((struct trace_header *)0)->boot_id)] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return false;
    bool read = fgets(now, sizeof(now), file) != NULL;
    fclose(file);
    now[strcspn(now, "\n")] = '\0';
    return read && strcmp(now, boot_id) == 0;
}

/* Field 22 of /proc/PID/stat, 0 if there is no such process. */
static uint64_t start_ticks(uint32_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    bool read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    /* The name, field 2, may hold anything; the last ')' ends it. */
    char *field = read ? strrchr(line, ')') : NULL;
    for (int number = 2; field && number < 22; number++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field, NULL, 10) : 0;
}

/*
 * One line of /proc/PID/maps. Traces are mapped shared. Some file systems
 * (overlayfs, btrfs) show another device there than fstat() does, so that the
 * device is no help.
 */
static bool line_maps(const char *line, ino_t inode)
{
    char access[8];
    uint64_t found;
    return sscanf(line, "%*s %7s %*s %*s %" SCNu64, access, &found) == 2 && found == inode &&
           access[3] == 's';
}

/* Also true if we may not look. */
static bool maps(uint32_t pid, ino_t inode)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == EACCES || errno == EPERM;
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, file) > 0)
        found = line_maps(line, inode);
    bool refused = ferror(file) && errno == EACCES;
    free(line);
    fclose(file);
    return found || refused;
}

bool process_writes(const struct trace_header *header, ino_t inode)
{
    bool itself = header->writer_pid == 0;
    return header->pid != 0 && header->process_start_ticks != 0 && this_boot(header->boot_id) &&
           start_ticks(header->pid) == header->process_start_ticks &&
           (itself || start_ticks(header->writer_pid) == header->writer_start_ticks) &&
           maps(itself ? header->pid : header->writer_pid, inode);
}
