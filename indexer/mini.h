/* .gnu_debugdata: a whole ELF file with a symbol table, xz-compressed into a section. */
#ifndef MAPTRACE_INDEXER_MINI_H
#define MAPTRACE_INDEXER_MINI_H

#include <libelf.h>
#include <stddef.h>

/*
 * Unpacks ELF's .gnu_debugdata into *IMAGE, to be freed after the Elf that is
 * returned. NULL if there is none; then *PROBLEM says why, if it was there but
 * could not be read.
 */
Elf *mini_open(Elf *elf, char **image, const char **problem);

#endif
