#include "indexer/symbols.h"

#include <gelf.h>

struct context {
    struct ranges *ranges;
    struct range range; /* of the symbol at hand */
    bool data;
    int error;
};

static void found(void *pointer, struct rule *rule, const struct rule_glob *glob)
{
    struct context *context = pointer;

    if (context->data && glob->role != ROLE_SIGN)
        return;
    context->range.rule = rule;
    context->range.role = glob->role;
    int error = ranges_add(context->ranges, &context->range);
    if (error)
        context->error = error;
}

static void read_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                       const struct rule_matcher *matcher, struct context *context)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Sym symbol;

    for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
        unsigned type = GELF_ST_TYPE(symbol.st_info);
        bool code = type == STT_FUNC || type == STT_GNU_IFUNC;

        if (symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0 || (!code && type != STT_OBJECT))
            continue;
        char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (!name || !*name)
            continue;
        context->data = !code;
        context->range.low = symbol.st_value;
        context->range.high = symbol.st_value + symbol.st_size;
        context->range.name = name;
        rules_match(matcher, name, found, context);
    }
}

int symbols_read(Elf *elf, uint32_t type, enum range_kind kind, const struct rule_matcher *matcher,
                 struct ranges *ranges)
{
    struct context context = {.ranges = ranges, .range.kind = kind};
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section))) {
        if (gelf_getshdr(section, &header) && header.sh_type == type)
            read_table(elf, section, &header, matcher, &context);
    }
    return context.error;
}
