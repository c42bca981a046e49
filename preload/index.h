/*
 * What maptrace-index knows of a file that its symbol table does not tell:
 * inlined copies from DWARF, symbols of separate debug files and of
 * .gnu_debugdata, and the calls in grow functions. Read from a cache by
 * build-id, or asked of the indexer.
 */
#ifndef MAPTRACE_PRELOAD_INDEX_H
#define MAPTRACE_PRELOAD_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "elf_file.h"

struct module;

/* Receives what is found, as virtual addresses in the file. */
struct index_sink {
    void *context;
    /* A stretch of code that RULE names. */
    void (*range)(void *context, uintptr_t low, uintptr_t high, const char *rule,
                  enum rule_role role);
    /* All calls of a stretch of code are known: a `calls` line of indexer/report.h; */
    void (*calls)(void *context, uintptr_t low, uintptr_t high, uint64_t hash);
    /* each of them follows. */
    void (*call)(void *context, uintptr_t address);
    /* Or, by an `entry` line, where whole instructions of BYTES stand that can be moved; */
    void (*entry)(void *context, uintptr_t address, uint32_t bytes);
    /* displacements in there that are to be adjusted follow. */
    void (*operand)(void *context, uint32_t offset);
};

/* RULE_FILES is what MAPTRACE_RULES holds (NULL: none); HASH is over all rule text, see rules_hash.
 */
void index_start(const char *rule_files, uint64_t hash);

/*
 * Asks only if FILE has or points to debug information, or CALLS are wanted;
 * notes in MODULE what debug information could not be read. Caller holds the
 * lock or is alone.
 */
void index_read(struct module *module, const struct elf_file *file, bool calls,
                const struct index_sink *sink);

#endif
