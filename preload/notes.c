#define _GNU_SOURCE
#include "notes.h"

#include <elf.h>
#include <string.h>

/* Name and text are each filled up to words of 4 bytes. */
static size_t padded(uint32_t bytes)
{
    return ((size_t)bytes + 3) & ~(size_t)3;
}

struct note_text notes_find(uintptr_t low, size_t bytes, const char *owner, uint32_t type)
{
    const char *at = (const char *)low;
    size_t owner_bytes = strlen(owner) + 1;

    while (bytes >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *header = (const Elf64_Nhdr *)at;
        size_t before = sizeof *header + padded(header->n_namesz);
        size_t whole = before + padded(header->n_descsz);

        if (before + header->n_descsz > bytes)
            break;
        if (header->n_type == type && header->n_namesz >= owner_bytes &&
            memcmp(at + sizeof *header, owner, owner_bytes) == 0)
            return (struct note_text){at + before, header->n_descsz};
        if (whole > bytes)
            break;
        at += whole;
        bytes -= whole;
    }
    return (struct note_text){0};
}
