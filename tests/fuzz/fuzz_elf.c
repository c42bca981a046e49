/* The guest's reader of symbol tables on damaged ELF files, of which not a byte too many is read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "preload/elf_file.h"

static void found(void *context, const char *name, const Elf64_Sym *symbol)
{
    /* Reads all of the name, and some of the symbol. */
    *(size_t *)context += strlen(name) + (symbol->st_shndx != SHN_UNDEF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    /* What elf_file_open() asks for: a 64-bit ELF header. */
    if (bytes < sizeof(Elf64_Ehdr))
        return 0;
    struct elf_file file = {.bytes = malloc(bytes), .size = bytes};
    size_t sum = 0, length;
    if (!file.bytes)
        return 0;
    memcpy((void *)file.bytes, data, bytes);
    memcpy((void *)file.bytes, ELFMAG "\2\1\1", SELFMAG + 3);
    elf_file_symbols(&file, found, &sum);
    elf_file_dynamic_symbols(&file, found, &sum);
    sum += elf_file_has_section(&file, ".debug_info");
    const uint8_t *section = elf_file_section(&file, ".gnu_debuglink", &length);
    for (size_t i = 0; section && i < length; i++)
        sum += section[i];
    free((void *)file.bytes);
    volatile size_t use = sum;
    (void)use;
    return 0;
}
