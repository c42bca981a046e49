#include "index.h"

void index_start(const char *rule_files, uint64_t hash)
{
    (void)rule_files;
    (void)hash;
}

void index_read(const struct module *module, const struct elf_file *file, index_found *found,
                void *context)
{
    (void)module;
    (void)file;
    (void)found;
    (void)context;
}
