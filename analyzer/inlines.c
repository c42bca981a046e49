#include "analyzer/inlines.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PATH 4096

/* Addresses that a compilation unit covers, as its DWARF has them. */
struct range {
    Dwarf_Addr low, high;
    Dwarf_Die *unit;
};

struct inlines {
    Dwfl_Module *file;
    /* Made when .debug_aranges does not help: clang leaves it out. */
    bool indexed;
    struct range *ranges;
    size_t range_count, range_room;
};

struct inlines *inlines_new(Dwfl_Module *file)
{
    struct inlines *inlines = calloc(1, sizeof(*inlines));
    if (inlines)
        inlines->file = file;
    return inlines;
}

void inlines_free(struct inlines *inlines)
{
    if (inlines)
        free(inlines->ranges);
    free(inlines);
}

static bool add_range(struct inlines *inlines, Dwarf_Addr low, Dwarf_Addr high, Dwarf_Die *unit)
{
    if (inlines->range_count == inlines->range_room) {
        size_t room = inlines->range_room ? inlines->range_room * 2 : 256;
        struct range *ranges = reallocarray(inlines->ranges, room, sizeof(*ranges));
        if (!ranges)
            return false;
        inlines->ranges = ranges;
        inlines->range_room = room;
    }
    inlines->ranges[inlines->range_count++] = (struct range){low, high, unit};
    return true;
}

static int by_low(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

static void index_units(struct inlines *inlines)
{
    Dwarf_Addr bias, base, low, high;
    Dwarf_Die *unit = NULL;
    inlines->indexed = true;
    while ((unit = dwfl_module_nextcu(inlines->file, unit, &bias))) {
        ptrdiff_t next = 0;
        while ((next = dwarf_ranges(unit, next, &base, &low, &high)) > 0)
            if (high > low && !add_range(inlines, low, high, unit))
                return;
    }
    if (inlines->range_count)
        qsort(inlines->ranges, inlines->range_count, sizeof(inlines->ranges[0]), by_low);
}

/* The unit that covers ADDRESS, and in BIAS what to take off an address for its DWARF. */
static Dwarf_Die *unit_at(struct inlines *inlines, Dwarf_Addr address, Dwarf_Addr *bias)
{
    if (!dwfl_module_getdwarf(inlines->file, bias))
        return NULL;
    Dwarf_Die *unit = dwfl_module_addrdie(inlines->file, address, bias);
    if (unit)
        return unit;
    if (!inlines->indexed)
        index_units(inlines);
    size_t low = 0, high = inlines->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inlines->ranges[middle].low <= address - *bias)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address - *bias < inlines->ranges[low - 1].high
               ? inlines->ranges[low - 1].unit
               : NULL;
}

/* --- what a DIE says ------------------------------------------------------ */

/* Where a path is relative, it is so to the folder of the compilation. */
static const char *whole_path(Dwarf_Die *unit, const char *path, char *buffer, size_t bytes)
{
    Dwarf_Attribute attribute;
    if (!path || *path == '\0' || strcmp(path, "???") == 0)
        return NULL;
    const char *folder = dwarf_formstring(dwarf_attr_integrate(unit, DW_AT_comp_dir, &attribute));
    if (*path == '/' || !folder || snprintf(buffer, bytes, "%s/%s", folder, path) >= (int)bytes)
        return path;
    return buffer;
}

static const char *linkage_name(Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    const char *name =
        dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
    if (name)
        return name;
    return dwarf_formstring(dwarf_attr_integrate(function, DW_AT_MIPS_linkage_name, &attribute));
}

/* SYMBOL is what the symbol table calls the whole function, NULL for an inlined one. */
static const char *name_of(Dwarf_Die *function, const char *symbol)
{
    const char *name = linkage_name(function);
    /* Compilers leave it out for a static C++ function. */
    if (!name && symbol && strncmp(symbol, "_Z", 2) == 0)
        return symbol;
    if (!name)
        name = dwarf_diename(function);
    return name ? name : symbol;
}

static unsigned number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &value) == 0
               ? (unsigned)value
               : 0;
}

/* File and line of the call that was inlined as INLINED. */
static void call_place(Dwarf_Die *inlined, struct place *place, char *buffer, size_t bytes)
{
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t count;
    unsigned file = number_of(inlined, DW_AT_call_file);
    place->line = number_of(inlined, DW_AT_call_line);
    place->file = NULL;
    if (dwarf_diecu(inlined, &unit, NULL, NULL) && dwarf_getsrcfiles(&unit, &files, &count) == 0 &&
        file < count)
        place->file = whole_path(&unit, dwarf_filesrc(files, file, NULL, NULL), buffer, bytes);
}

static void line_at(Dwarf_Die *unit, Dwarf_Addr address, struct place *place, char *buffer,
                    size_t bytes)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number;
    if (!line || dwarf_lineno(line, &number) != 0 || number <= 0)
        return;
    place->file = whole_path(unit, dwarf_linesrc(line, NULL, NULL), buffer, bytes);
    place->line = place->file ? (unsigned)number : 0;
}

/* --- what stands around an address -------------------------------------------- */

#define MOST_DEPTH 128

/* Functions around an address, outermost first. */
struct scopes {
    Dwarf_Die functions[MOST_DEPTH];
    int count;
};

/*
 * Adds the functions below PARENT that hold ADDRESS. libdw's own search
 * (dwarf_getscopes) passes over namespaces, and gives up if an inlined function
 * was defined in another unit, as with LTO.
 */
static bool descend(Dwarf_Die *parent, Dwarf_Addr address, int depth, struct scopes *scopes)
{
    Dwarf_Die child;
    if (depth == MOST_DEPTH || dwarf_child(parent, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        switch (tag) {
        case DW_TAG_subprogram:
        case DW_TAG_inlined_subroutine:
            if (dwarf_haspc(&child, address) <= 0)
                break;
            scopes->functions[scopes->count++] = child;
            descend(&child, address, depth + 1, scopes);
            return true;
        case DW_TAG_lexical_block:
            if (dwarf_haspc(&child, address) <= 0)
                break;
            descend(&child, address, depth + 1, scopes);
            return true;
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            if (descend(&child, address, depth + 1, scopes))
                return true;
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

static void scopes_at(Dwarf_Die *unit, Dwarf_Addr address, struct scopes *scopes)
{
    Dwarf_Die split;
    uint8_t type;
    /* With split DWARF the unit in the file is only the skeleton of another. */
    if (dwarf_cu_info(unit->cu, NULL, &type, NULL, &split, NULL, NULL, NULL) == 0 &&
        type == DW_UT_skeleton && split.addr)
        unit = &split;
    scopes->count = 0;
    descend(unit, address, 0, scopes);
}

bool inlines_at(struct inlines *inlines, Dwarf_Addr address, const char *symbol, place_found *found,
                void *context)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = unit_at(inlines, address, &bias);
    if (!unit)
        return false;

    char path[MOST_PATH];
    struct place place = {0};
    struct scopes scopes;
    scopes_at(unit, address - bias, &scopes);
    line_at(unit, address - bias, &place, path, sizeof(path));
    for (int i = scopes.count - 1; i >= 0; i--) {
        Dwarf_Die *function = &scopes.functions[i];
        bool inlined = dwarf_tag(function) == DW_TAG_inlined_subroutine;
        place.symbol = name_of(function, inlined ? NULL : symbol);
        found(context, &place, inlined);
        if (!inlined)
            return true;
        call_place(function, &place, path, sizeof(path));
    }
    place.symbol = symbol;
    if (scopes.count == 0 && !symbol && !place.file)
        return false;
    found(context, &place, false);
    return true;
}
