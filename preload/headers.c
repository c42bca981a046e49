#define _GNU_SOURCE
#include "headers.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

bool headers_main_program(const struct module *module)
{
    return !module->map->l_name || !*module->map->l_name;
}

static void read_notes(struct module *module, const Elf64_Phdr *note, const struct link_map *map)
{
    const uint8_t *at = (const uint8_t *)(map->l_addr + note->p_vaddr);
    const uint8_t *end = at + note->p_memsz;

    while (at + sizeof(Elf64_Nhdr) <= end) {
        const Elf64_Nhdr *header = (const Elf64_Nhdr *)at;
        const uint8_t *name = at + sizeof *header;
        const uint8_t *content = name + ((header->n_namesz + 3) & ~3u);

        if (content + header->n_descsz > end)
            return;
        if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
            memcmp(name, "GNU", 4) == 0 && header->n_descsz <= sizeof module->build_id) {
            memcpy(module->build_id, content, header->n_descsz);
            module->build_id_bytes = header->n_descsz;
            return;
        }
        at = content + ((header->n_descsz + 3) & ~3u);
    }
}

/*
 * The ELF header is mapped first in every module that linkers make. Of a program
 * with a hole between its segments the loader shows one segment at a time; the
 * kernel says where the headers are.
 */
static const Elf64_Phdr *program_headers(const struct module *module, unsigned *count)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)module->low;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) == 0) {
        *count = header->e_phoff < 4096 - 56 ? header->e_phnum : 0;
        return (const Elf64_Phdr *)(module->low + header->e_phoff);
    }
    *count = headers_main_program(module) ? (unsigned)getauxval(AT_PHNUM) : 0;
    return (const Elf64_Phdr *)getauxval(AT_PHDR);
}

void headers_read(struct module *module)
{
    unsigned count;
    const Elf64_Phdr *program = program_headers(module, &count);

    for (unsigned i = 0; i < count; i++) {
        uintptr_t low = module->map->l_addr + program[i].p_vaddr;

        if (program[i].p_type == PT_NOTE && !module->build_id_bytes)
            read_notes(module, &program[i], module->map);
        if (program[i].p_type == PT_LOAD && program[i].p_flags == (PF_R | PF_X) &&
            low < module->high && low + program[i].p_filesz > module->low) {
            module->code.low = low;
            module->code.high = low + program[i].p_filesz;
        }
        if (program[i].p_type == PT_LOAD && (program[i].p_flags & PF_W)) {
            module->data.low = low;
            module->data.high = low + program[i].p_memsz;
        }
    }
}
