/*
 * golang/memory.h for the process that we are in.
 *
 * The program's own image is read as it is. Elsewhere it is asked first whether there
 * is memory, by a system call that Go's runtime makes all the time, so that no filter
 * that the program sets can forbid it. Go never unmaps its heap.
 */
#define _GNU_SOURCE
#include "../golang/memory.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#include "go_names.h"
#include "raw.h"

enum { PAGE = 4096, PROBED = 8 };

static int add_segments(struct dl_phdr_info *info, size_t size, void *context)
{
    struct memory *memory = context;

    (void)size;
    memory->mappings = calloc(info->dlpi_phnum, sizeof *memory->mappings);
    for (unsigned i = 0; memory->mappings && i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        uint64_t low = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD)
            memory->mappings[memory->count++] = (struct mapping){
                .low = low & ~(uint64_t)(PAGE - 1),
                .high = (low + segment->p_memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1),
                .program = true,
                .file = true,
                .readable = segment->p_flags & PF_R,
                .writable = segment->p_flags & PF_W,
                .executable = segment->p_flags & PF_X,
            };
    }
    return 1; /* the program is the first */
}

int memory_open(struct memory *memory, pid_t pid)
{
    (void)pid;
    *memory = (struct memory){.fd = -1};
    long length = raw_call(SYS_readlink, (long)"/proc/self/exe", (long)memory->program,
                           sizeof memory->program - 1, 0, 0, 0);
    if (raw_failed(length))
        return (int)length;
    dl_iterate_phdr(add_segments, memory);
    return memory->count ? 0 : -ENOMEM;
}

void memory_close(struct memory *memory)
{
    free(memory->mappings);
    *memory = (struct memory){.fd = -1};
}

const struct mapping *memory_at(const struct memory *memory, uint64_t address)
{
    for (size_t i = 0; i < memory->count; i++)
        if (address - memory->mappings[i].low < memory->mappings[i].high - memory->mappings[i].low)
            return &memory->mappings[i];
    return NULL;
}

/* An operation that does not exist: EINVAL where the signals could be read, else EFAULT. */
static bool is_there(uint64_t address)
{
    return raw_call(SYS_rt_sigprocmask, ~0, (long)address, 0, PROBED, 0, 0) == -EINVAL;
}

static bool all_there(const struct memory *memory, uint64_t address, size_t bytes)
{
    const struct mapping *mapping = memory_at(memory, address);

    if (mapping && mapping->readable && mapping->high - address >= bytes)
        return true;
    for (uint64_t at = address; at < address + bytes; at = (at | (PAGE - 1)) + 1)
        if (!is_there(at % PAGE > PAGE - PROBED ? at - PROBED : at))
            return false;
    return true;
}

bool memory_read(const struct memory *memory, uint64_t address, void *buffer, size_t bytes)
{
    if (address < PAGE || address > 0x7fffffffffff || bytes > 0x7fffffffffff - address ||
        !all_there(memory, address, bytes))
        return false;
    memcpy(buffer, (const void *)address, bytes);
    return true;
}

void memory_read_pieces(const struct memory *memory, struct memory_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pieces[i].there = memory_read(memory, pieces[i].address, pieces[i].buffer, pieces[i].bytes);
}

/* Only for the program's own image: what is borrowed is not probed again. */
const void *memory_borrow(const struct memory *memory, uint64_t address, size_t bytes,
                          struct memory_loan *loan)
{
    const struct mapping *mapping = memory_at(memory, address);

    *loan = (struct memory_loan){0};
    if (mapping && mapping->readable && mapping->high - address >= bytes)
        loan->bytes = (const void *)address;
    return loan->bytes;
}

void memory_give_back(struct memory_loan *loan)
{
    *loan = (struct memory_loan){0};
}
