#define _GNU_SOURCE
#include "elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "raw.h"

int elf_file_open(struct elf_file *file, const char *path)
{
    struct stat status;

    *file = (struct elf_file){0};
    long fd = raw_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (raw_failed(fd))
        return (int)fd;
    long error = raw_call(SYS_fstat, fd, (long)&status, 0, 0, 0, 0);
    long address = -ENOEXEC;
    if (raw_failed(error))
        address = error;
    else if (S_ISREG(status.st_mode) && status.st_size >= (off_t)sizeof(Elf64_Ehdr))
        address = raw_mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, (int)fd, 0);
    raw_close((int)fd);
    if (raw_failed(address))
        return (int)address;
    file->bytes = (const uint8_t *)address;
    file->size = (size_t)status.st_size;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file->bytes;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB) {
        elf_file_close(file);
        return -ENOEXEC;
    }
    return 0;
}

void elf_file_close(struct elf_file *file)
{
    if (file->bytes)
        raw_munmap((void *)file->bytes, file->size);
    *file = (struct elf_file){0};
}

/* The section headers, or NULL if they do not lie within the file. */
static const Elf64_Shdr *sections(const struct elf_file *file, size_t *count)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file->bytes;

    if (!file->bytes || header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff % 8 ||
        header->e_shoff > file->size ||
        header->e_shnum > (file->size - header->e_shoff) / sizeof(Elf64_Shdr))
        return NULL;
    *count = header->e_shnum;
    return (const Elf64_Shdr *)(file->bytes + header->e_shoff);
}

static bool inside(const struct elf_file *file, const Elf64_Shdr *section)
{
    return section->sh_type != SHT_NOBITS && section->sh_offset <= file->size &&
           section->sh_size <= file->size - section->sh_offset;
}

static const Elf64_Shdr *find_section(const struct elf_file *file, const char *name)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file->bytes;
    size_t count = 0;
    const Elf64_Shdr *all = sections(file, &count);

    if (!all || header->e_shstrndx >= count || !inside(file, &all[header->e_shstrndx]))
        return NULL;
    const Elf64_Shdr *strings = &all[header->e_shstrndx];
    const char *names = (const char *)file->bytes + strings->sh_offset;
    if (!strings->sh_size || names[strings->sh_size - 1])
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (all[i].sh_name < strings->sh_size && strcmp(names + all[i].sh_name, name) == 0)
            return &all[i];
    return NULL;
}

bool elf_file_has_section(const struct elf_file *file, const char *name)
{
    return find_section(file, name);
}

const uint8_t *elf_file_section(const struct elf_file *file, const char *name, size_t *bytes)
{
    const Elf64_Shdr *section = find_section(file, name);

    if (!section || !inside(file, section))
        return NULL;
    *bytes = section->sh_size;
    return file->bytes + section->sh_offset;
}

static void table(const struct elf_file *file, uint32_t type, elf_symbol *found, void *context)
{
    size_t count = 0;
    const Elf64_Shdr *all = sections(file, &count);

    for (size_t i = 0; all && i < count; i++) {
        if (all[i].sh_type != type || all[i].sh_link >= count || !inside(file, &all[i]) ||
            all[i].sh_offset % 8)
            continue;
        const Elf64_Shdr *strings = &all[all[i].sh_link];
        if (!inside(file, strings) || !strings->sh_size ||
            file->bytes[strings->sh_offset + strings->sh_size - 1] != 0)
            continue;
        const Elf64_Sym *symbols = (const Elf64_Sym *)(file->bytes + all[i].sh_offset);
        const char *names = (const char *)file->bytes + strings->sh_offset;
        for (size_t s = 1; s < all[i].sh_size / sizeof *symbols; s++)
            if (symbols[s].st_name < strings->sh_size)
                found(context, names + symbols[s].st_name, &symbols[s]);
    }
}

void elf_file_dynamic_symbols(const struct elf_file *file, elf_symbol *found, void *context)
{
    table(file, SHT_DYNSYM, found, context);
}

void elf_file_symbols(const struct elf_file *file, elf_symbol *found, void *context)
{
    size_t count = 0;
    const Elf64_Shdr *all = sections(file, &count);
    uint32_t type = SHT_DYNSYM;

    for (size_t i = 0; all && i < count; i++)
        if (all[i].sh_type == SHT_SYMTAB)
            type = SHT_SYMTAB;
    table(file, type, found, context);
}

/* DT_GNU_HASH does not tell how many symbols there are: the last chain of the highest bucket does.
 */
static size_t gnu_hash_count(const uint32_t *hash)
{
    uint32_t buckets = hash[0], first = hash[1], bloom = hash[2], highest = 0;
    const uint32_t *bucket = hash + 4 + bloom * 2;
    const uint32_t *chain = bucket + buckets;

    for (uint32_t i = 0; i < buckets; i++)
        if (bucket[i] > highest)
            highest = bucket[i];
    if (highest < first)
        return first;
    while (!(chain[highest - first] & 1))
        highest++;
    return highest + 1;
}

void elf_memory_symbols(const struct link_map *map, elf_symbol *found, void *context)
{
    const Elf64_Sym *symbols = NULL;
    const char *names = NULL;
    size_t count = 0, names_bytes = 0;

    for (const Elf64_Dyn *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            symbols = (const Elf64_Sym *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRTAB)
            names = (const char *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRSZ)
            names_bytes = entry->d_un.d_val;
        else if (entry->d_tag == DT_GNU_HASH && entry->d_un.d_ptr > map->l_addr)
            count = gnu_hash_count((const uint32_t *)entry->d_un.d_ptr);
        else if (entry->d_tag == DT_HASH && !count && entry->d_un.d_ptr > map->l_addr)
            count = ((const uint32_t *)entry->d_un.d_ptr)[1];
    }
    /* The vdso's table is not relocated: its addresses are no pointers. */
    if ((uintptr_t)symbols < map->l_addr || (uintptr_t)names < map->l_addr || !symbols || !names)
        return;
    for (size_t i = 1; i < count; i++)
        if (symbols[i].st_name < names_bytes)
            found(context, names + symbols[i].st_name, &symbols[i]);
}
