/*
 * One ELF file, open for reading, and what the indexer asks of it.
 */
#ifndef MAPTRACE_INDEXER_OBJECT_H
#define MAPTRACE_INDEXER_OBJECT_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_BYTES 64u

struct object {
    int fd;
    Elf *elf;
    uint8_t build_id[BUILD_ID_BYTES];
    size_t build_id_bytes; /* 0: none */
};

/* Fills OBJECT, or returns -errno; -ENOEXEC if the file is no 64-bit ELF file. */
int object_open(struct object *object, const char *path);
void object_close(struct object *object);

/* The section NAME with contents of its own, or NULL. */
Elf_Scn *object_section(Elf *elf, const char *name);

/* The contents of the section NAME; NULL and 0 if there is none. */
const uint8_t *object_contents(Elf *elf, const char *name, size_t *bytes);

/* True if [low, high) lies in one executable segment. */
bool object_is_code(Elf *elf, uint64_t low, uint64_t high);

#endif
