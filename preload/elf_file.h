/*
 * Reads the symbols of a loaded file: .symtab if it has one, else .dynsym.
 */
#ifndef MAPTRACE_PRELOAD_ELF_FILE_H
#define MAPTRACE_PRELOAD_ELF_FILE_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file {
    const uint8_t *bytes; /* the whole file, mapped; NULL: only memory is there */
    size_t size;
};

/* Called for each symbol; value is a virtual address in the file. Undefined symbols have section
 * SHN_UNDEF. */
typedef void elf_symbol(void *context, const char *name, const Elf64_Sym *symbol);

/* Maps PATH. Returns 0 or -errno; -ENOEXEC if it is no 64-bit ELF file. */
int elf_file_open(struct elf_file *file, const char *path);
void elf_file_close(struct elf_file *file);

bool elf_file_has_section(const struct elf_file *file, const char *name);

/* The contents of section NAME within the file, NULL if it has none. */
const uint8_t *elf_file_section(const struct elf_file *file, const char *name, size_t *bytes);

/* All symbols of .symtab (or .dynsym where there is none). Broken tables are skipped. */
void elf_file_symbols(const struct elf_file *file, elf_symbol *found, void *context);
/* The symbols of .dynsym alone. */
void elf_file_dynamic_symbols(const struct elf_file *file, elf_symbol *found, void *context);

/* The same from the loaded image, for files that can no longer be opened. */
void elf_memory_symbols(const struct link_map *map, elf_symbol *found, void *context);

#endif
