/*
 * One pass over the entries of .debug_info that name functions or are copies
 * of them. libdw takes 100 to 300 ns an entry; this takes about 15, and leaves
 * to libdw what is wanted of the few entries that match.
 */
#ifndef MAPTRACE_INDEXER_WALK_H
#define MAPTRACE_INDEXER_WALK_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An offset in .debug_info of the supplementary file (dwz) has this bit. */
#define WALK_ALT ((uint64_t)1 << 63)
#define WALK_NOWHERE UINT64_MAX

struct walk_section {
    const uint8_t *bytes;
    size_t size;
};

/* The sections of one file, unpacked. They live as long as its Elf. */
struct walk_file {
    struct walk_section info, abbrev, strings, line_strings, string_offsets;
    struct walk_section alt_strings; /* .debug_str of the supplementary file */
};

/* A namespace, class or function around an entry. */
struct walk_scope {
    unsigned tag;
    const char *name; /* NULL: none */
};

struct walk_entry {
    uint64_t offset;
    unsigned tag;             /* DW_TAG_subprogram or DW_TAG_inlined_subroutine */
    bool code;                /* it has an address range */
    const char *name;         /* NULL: none */
    const char *linkage_name; /* NULL: none */
    uint64_t origin;          /* the entry it is a copy or the definition of, or WALK_NOWHERE */
    const struct walk_scope *scopes;
    size_t scope_count;
};

/* Returns 0 to go on, or a negative errno that ends the walk. */
typedef int walk_visit(void *context, const struct walk_entry *entry);

/* Finds the sections of ELF; ALT is the supplementary file or NULL. False: no .debug_info. */
bool walk_file_open(struct walk_file *file, Elf *elf, Elf *alt);

/*
 * Visits all subprograms and inlined subroutines of FILE. Returns 0, what VISIT
 * returned, -ENOMEM, or -EINVAL if some units could not be read (the others were).
 * Counts units whose functions are described in another file (-gsplit-dwarf) in *SPLIT.
 */
int walk(const struct walk_file *file, walk_visit *visit, void *context, unsigned *split);

/* The entry's name with those of its scopes before it; false if it has none. */
bool walk_qualified_name(const struct walk_entry *entry, char *buffer, size_t bytes);

#endif
