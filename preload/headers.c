#define _GNU_SOURCE
#include "headers.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "notes.h"
#include "raw.h"

bool headers_main_program(const struct module *module)
{
    return module->map && (!module->map->l_name || !*module->map->l_name);
}

/* Where the loader is the interpreter of a program, the kernel knows the file of that. */
static bool kernel_knows(const struct module *module)
{
    return headers_main_program(module) && getauxval(AT_BASE);
}

const char *headers_file(const struct module *module)
{
    return kernel_knows(module) ? "/proc/self/exe" : module->path;
}

void headers_set_path(struct module *module)
{
    const char *name = module->map->l_name;
    const size_t room = sizeof module->path - 1;
    long length = 0;

    if (kernel_knows(module)) {
        length =
            raw_call(SYS_readlink, (long)"/proc/self/exe", (long)module->path, (long)room, 0, 0, 0);
        module->path[raw_failed(length) ? 0 : length] = 0;
        return;
    }
    if (headers_main_program(module)) {
        name = (const char *)getauxval(AT_EXECFN);
        if (*name != '/')
            length = raw_call(SYS_getcwd, (long)module->path, (long)room, 0, 0, 0, 0);
        if (length > 0)
            module->path[length - 1] = '/'; /* was the 0 at its end */
    }
    length = raw_failed(length) ? 0 : length;
    strncpy(module->path + length, name, room - (size_t)length);
}

static void read_build_id(struct module *module, uintptr_t low, size_t bytes)
{
    struct note_text id = notes_find(low, bytes, "GNU", NT_GNU_BUILD_ID);

    if (id.text && id.bytes <= sizeof module->build_id) {
        memcpy(module->build_id, id.text, id.bytes);
        module->build_id_bytes = (uint32_t)id.bytes;
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
            read_build_id(module, low, program[i].p_memsz);
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
