/*
 * What maptrace-index knows of a file that its symbol table does not tell:
 * inlined copies from DWARF, symbols of separate debug files and of
 * .gnu_debugdata. Read from a cache by build-id, or asked of the indexer.
 */
#ifndef MAPTRACE_PRELOAD_INDEX_H
#define MAPTRACE_PRELOAD_INDEX_H

#include <stdint.h>

#include "../rules/rule.h"
#include "elf_file.h"

struct module;

/* A stretch of code, as virtual addresses in the file. */
typedef void index_found(void *context, uintptr_t low, uintptr_t high, const char *rule,
                         enum rule_role role);

/* RULE_FILES is what MAPTRACE_RULES holds (NULL: none); HASH is over all rule text, see rules_hash.
 */
void index_start(const char *rule_files, uint64_t hash);

/* Asks only if FILE has or points to debug information, and notes in MODULE what could not be read.
 * Caller holds the lock or is alone. */
void index_read(struct module *module, const struct elf_file *file, index_found *found,
                void *context);

#endif
