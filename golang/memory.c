#define _GNU_SOURCE
#include "golang/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LARGE = 16 << 10 }; /* bytes that are read at once */

static int read_program(struct memory *memory, pid_t pid)
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    length = readlink(path, memory->program, sizeof memory->program - 1);
    if (length < 0 && errno == ENOENT) {
        snprintf(path, sizeof path, "/proc/%d", (int)pid);
        return access(path, F_OK) == 0 ? -ENOEXEC : -ESRCH;
    }
    if (length < 0)
        return -errno;
    memory->program[length] = 0;
    return 0;
}

static int add(struct memory *memory, const char *line)
{
    struct mapping mapping = {0}, *more;
    char access[8];
    int path = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &mapping.low, &mapping.high,
               access, &path) < 3 ||
        !path)
        return 0;
    mapping.readable = access[0] == 'r';
    mapping.writable = access[1] == 'w';
    mapping.executable = access[2] == 'x';
    mapping.program = !strcmp(line + path, memory->program);
    /* Newer runtimes give their anonymous memory names: [anon: Go: heap]. */
    mapping.file = line[path] && strncmp(line + path, "[anon:", 6) != 0;
    more = reallocarray(memory->mappings, memory->count + 1, sizeof *more);
    if (!more)
        return -ENOMEM;
    memory->mappings = more;
    more[memory->count++] = mapping;
    return 0;
}

static int read_mappings(struct memory *memory, pid_t pid)
{
    char path[64], *line = NULL;
    size_t room = 0;
    ssize_t length;
    int error = 0;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (!error && (length = getline(&line, &room, file)) > 0) {
        line[length - 1] = 0;
        error = add(memory, line);
    }
    free(line);
    fclose(file);
    return error ? error : memory->count ? 0 : -ENOEXEC;
}

int memory_open(struct memory *memory, pid_t pid)
{
    char path[64];
    int error;

    *memory = (struct memory){.pid = pid, .fd = -1};
    error = read_program(memory, pid);
    if (error)
        return error;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory->fd = open(path, O_RDONLY | O_CLOEXEC);
    error = memory->fd < 0 ? -errno : read_mappings(memory, pid);
    if (error)
        memory_close(memory);
    return error;
}

void memory_close(struct memory *memory)
{
    if (memory->fd >= 0)
        close(memory->fd);
    free(memory->mappings);
    *memory = (struct memory){.fd = -1};
}

static bool read_image(const struct memory *memory, uint64_t address, char *buffer, size_t bytes)
{
    while (bytes) {
        const struct mapping *mapping = memory_at(memory, address);
        if (!mapping)
            return false;
        uint64_t there = mapping->high - address;
        size_t part = bytes < there ? bytes : there;
        memcpy(buffer, mapping->bytes + (address - mapping->low), part);
        address += part;
        buffer += part;
        bytes -= part;
    }
    return true;
}

/* Puts what was there before in place of what patches have made of it. */
static void undo_patches(const struct memory *memory, uint64_t address, unsigned char *buffer,
                         size_t bytes)
{
    for (size_t i = 0; i < memory->patch_count; i++) {
        const struct go_code_patch *patch = &memory->patches[i];

        for (uint64_t at = 0; at < patch->bytes; at++)
            if (patch->address + at - address < bytes)
                buffer[patch->address + at - address] = patch->before[at];
    }
}

/*
 * True if the memory that was opened is still that of the process: its number can have been given
 * to another.
 */
static bool is_alive(const struct memory *memory)
{
    char byte;

    return pread(memory->fd, &byte, 1, (off_t)memory->mappings[0].low) == 1;
}

/* Half as dear as by the file, which goes page by page; but it may not be allowed. */
static bool read_large(const struct memory *memory, uint64_t address, void *buffer, size_t bytes)
{
    const struct iovec here = {buffer, bytes}, there = {(void *)address, bytes};

    return bytes >= LARGE && is_alive(memory) &&
           process_vm_readv(memory->pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

bool memory_read(const struct memory *memory, uint64_t address, void *buffer, size_t bytes)
{
    size_t done = 0;

    if (address > INT64_MAX || bytes > INT64_MAX - address)
        return false;
    if (memory->count && memory->mappings[0].bytes)
        return read_image(memory, address, buffer, bytes);
    if (read_large(memory, address, buffer, bytes))
        done = bytes;
    while (done < bytes) {
        ssize_t got =
            pread(memory->fd, (char *)buffer + done, bytes - done, (off_t)(address + done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    undo_patches(memory, address, buffer, bytes);
    return true;
}

/* How many of the first pieces were there: the kernel stops at one that is not. Or -errno. */
static ssize_t read_together(const struct memory *memory, struct memory_piece *pieces, size_t count)
{
    struct iovec here[MEMORY_PIECES_MOST], there[MEMORY_PIECES_MOST];
    ssize_t read = 0;

    for (size_t i = 0; i < count; i++) {
        here[i] = (struct iovec){pieces[i].buffer, pieces[i].bytes};
        there[i] = (struct iovec){(void *)pieces[i].address, pieces[i].bytes};
    }
    ssize_t got = process_vm_readv(memory->pid, here, count, there, count, 0);
    if (got < 0 && errno != EFAULT)
        return -errno;
    while (got > 0 && got >= (ssize_t)pieces[read].bytes) {
        got -= (ssize_t)pieces[read].bytes;
        pieces[read++].there = true;
    }
    return read;
}

void memory_read_pieces(const struct memory *memory, struct memory_piece *pieces, size_t count)
{
    bool together = count > 2 && is_alive(memory);
    size_t done = 0;

    while (done < count) {
        ssize_t read = together ? read_together(memory, pieces + done, count - done) : 0;

        together = together && read >= 0;
        done += read > 0 ? (size_t)read : 0;
        if (done < count) {
            pieces[done].there =
                memory_read(memory, pieces[done].address, pieces[done].buffer, pieces[done].bytes);
            done++;
        }
    }
}

const void *memory_borrow(const struct memory *memory, uint64_t address, size_t bytes,
                          struct memory_loan *loan)
{
    *loan = (struct memory_loan){.copy = malloc(bytes)};
    if (loan->copy && memory_read(memory, address, loan->copy, bytes))
        loan->bytes = loan->copy;
    else
        memory_give_back(loan);
    return loan->bytes;
}

void memory_give_back(struct memory_loan *loan)
{
    free(loan->copy);
    *loan = (struct memory_loan){0};
}

const struct mapping *memory_at(const struct memory *memory, uint64_t address)
{
    size_t low = 0, high = memory->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory->mappings[middle].high <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < memory->count && memory->mappings[low].low <= address ? &memory->mappings[low]
                                                                       : NULL;
}
