#define _GNU_SOURCE
#include "globals.h"

#include <elf.h>
#include <string.h>

#include "modules.h"
#include "safe_read.h"

#define GLOBAL_BYTES ((size_t)4 << 20)

static bool scan(uintptr_t from, uintptr_t to, uintptr_t low, uint64_t bytes, uintptr_t *holder)
{
    static uint64_t chunk[512];

    for (uintptr_t at = from & ~(uintptr_t)7; at < to; at += sizeof chunk) {
        size_t want = to - at < sizeof chunk ? (to - at) & ~(size_t)7 : sizeof chunk;

        if (!want || !safe_read(at, chunk, want))
            continue;
        for (size_t i = 0; i < want / 8; i++)
            if (chunk[i] - low < bytes) {
                *holder = at + 8 * i;
                return true;
            }
    }
    return false;
}

/* Writable data of a loaded module. */
static bool scan_data(const struct module *module, uintptr_t low, uint64_t bytes, uintptr_t *holder)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)module->low;
    size_t left = GLOBAL_BYTES;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff > 4096 - 56)
        return false;
    const Elf64_Phdr *program = (const Elf64_Phdr *)(module->low + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (program[i].p_type != PT_LOAD || !(program[i].p_flags & PF_W))
            continue;
        uintptr_t from = module->bias + program[i].p_vaddr;
        size_t size = program[i].p_memsz < left ? program[i].p_memsz : left;

        left -= size;
        if (scan(from, from + size, low, bytes, holder))
            return true;
    }
    return false;
}

bool globals_find(uintptr_t code, uintptr_t low, uint64_t bytes, uintptr_t *holder)
{
    const struct module *owner = modules_find(code - 1), *main_program = modules_at(0);

    return (owner && scan_data(owner, low, bytes, holder)) ||
           (main_program != owner && scan_data(main_program, low, bytes, holder));
}
