/*
 * Two steps. The walk holds names against the rules, and writes down which
 * entry is a copy of which. Then the copies of matching functions, of which
 * there are few, are looked up with libdw for their addresses.
 */
#include "indexer/functions.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/offsets.h"
#include "indexer/walk.h"

#define NAME_BYTES 4096u

/* A rule and role that a function matches. */
struct match {
    const struct rule *rule;
    enum rule_role role;
    struct match *next;
};

/* A function with matches; NULL where a function of that name has none. */
struct function {
    struct match *matches;
    char *name;
    struct function *next; /* in `all` */
};

/* FROM is a copy or the definition of what stands at TO. */
struct edge {
    uint64_t from, to;
    bool inlined, code;
};

struct search {
    const struct rule_matcher *matcher;
    struct function *all;
    struct offsets names;   /* address of a linkage name -> struct function or NULL */
    struct offsets entries; /* offset of an entry -> struct function */
    struct edge *edges;
    size_t edge_count, edge_room;
    uint64_t base;         /* WALK_ALT while the supplementary file is walked */
    struct match *matches; /* of the name at hand */
    bool no_memory;
};

/* --- the walk ------------------------------------------------------------------ */

static void found(void *context, struct rule *rule, const struct rule_glob *glob)
{
    struct search *search = context;

    for (const struct match *match = search->matches; match; match = match->next) {
        if (match->rule == rule && match->role == glob->role)
            return;
    }
    struct match *match = malloc(sizeof *match);
    if (!match) {
        search->no_memory = true;
        return;
    }
    *match = (struct match){rule, glob->role, search->matches};
    search->matches = match;
}

/* The function NAME with the matches found for it; NULL if there are none, or with `no_memory`. */
static struct function *new_function(struct search *search, const char *name)
{
    if (!search->matches)
        return NULL;
    struct function *function = calloc(1, sizeof *function);
    if (function)
        function->name = strdup(name);
    if (!function || !function->name) {
        search->no_memory = true;
        free(function);
        return NULL;
    }
    function->matches = search->matches;
    function->next = search->all;
    search->matches = NULL;
    search->all = function;
    return function;
}

/* Every unit that declares a function names it by the same string. */
static struct function *match_linkage_name(struct search *search, const char *name)
{
    void *known = NULL;

    if (offsets_find(&search->names, (uintptr_t)name, &known))
        return known;
    rules_match(search->matcher, name, found, search);
    struct function *function = new_function(search, name);
    if (offsets_add(&search->names, (uintptr_t)name, function))
        search->no_memory = true;
    return function;
}

/*
 * C has no linkage names, and in C++ functions that other units cannot see have
 * none. As globs may ask for a parameter list, such a function is given one.
 */
static struct function *match_plain_name(struct search *search, const struct walk_entry *entry)
{
    char name[NAME_BYTES];

    if (!walk_qualified_name(entry, name, sizeof name - 2) ||
        !rules_could_match(search->matcher, name))
        return NULL;
    size_t bytes = strlen(name);
    rules_match(search->matcher, name, found, search);
    rules_match(search->matcher, strcat(name, "()"), found, search);
    name[bytes] = '\0';
    return new_function(search, name);
}

static int add_edge(struct search *search, struct edge edge)
{
    if (search->edge_count == search->edge_room) {
        size_t room = search->edge_room ? search->edge_room * 2 : 4096;
        struct edge *edges = reallocarray(search->edges, room, sizeof *edges);
        if (!edges)
            return -ENOMEM;
        search->edges = edges;
        search->edge_room = room;
    }
    search->edges[search->edge_count++] = edge;
    return 0;
}

static int visit(void *context, const struct walk_entry *entry)
{
    struct search *search = context;
    uint64_t offset = entry->offset | search->base;
    struct function *function = NULL;

    if (entry->linkage_name)
        function = match_linkage_name(search, entry->linkage_name);
    else if (entry->name && entry->origin == WALK_NOWHERE)
        function = match_plain_name(search, entry);
    if (function && offsets_add(&search->entries, offset, function))
        return -ENOMEM;
    /* An entry with a name of its own may have code, too: an edge to itself. */
    uint64_t origin = entry->origin == WALK_NOWHERE ? WALK_NOWHERE : entry->origin | search->base;
    if (function)
        origin = offset;
    if (origin != WALK_NOWHERE && (entry->code || (!function && entry->tag == DW_TAG_subprogram))) {
        struct edge edge = {offset, origin, entry->tag == DW_TAG_inlined_subroutine, entry->code};
        if (add_edge(search, edge))
            return -ENOMEM;
    }
    return search->no_memory ? -ENOMEM : 0;
}

/* --- the copies ---------------------------------------------------------------- */

/* Lets what is defined or copied elsewhere have the matches of its origin, to any depth. */
static int spread(struct search *search)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < search->edge_count; i++) {
            const struct edge *edge = &search->edges[i];
            void *function;
            if (edge->inlined || edge->from == edge->to ||
                !offsets_find(&search->entries, edge->to, &function) ||
                offsets_find(&search->entries, edge->from, NULL))
                continue;
            if (offsets_add(&search->entries, edge->from, function))
                return -ENOMEM;
            more = true;
        }
    }
    return 0;
}

static int add_ranges(Dwarf *dwarf, const struct edge *edge, const struct function *function,
                      Elf *elf, struct ranges *ranges)
{
    Dwarf_Addr base, low, high;
    Dwarf_Die entry;
    ptrdiff_t at = 0;

    if (!dwarf_offdie(dwarf, edge->from, &entry))
        return 0;
    while ((at = dwarf_ranges(&entry, at, &base, &low, &high)) > 0) {
        /* What the linker dropped has addresses near 0 or at the end of memory. */
        if (low >= high || !object_is_code(elf, low, high))
            continue;
        for (const struct match *match = function->matches; match; match = match->next) {
            struct range range = {low,
                                  high,
                                  match->rule,
                                  match->role,
                                  edge->inlined ? RANGE_INLINE : RANGE_DEBUG,
                                  function->name};
            int error = ranges_add(ranges, &range);
            if (error)
                return error;
        }
    }
    return 0;
}

static int collect(struct search *search, Dwarf *dwarf, Elf *elf, struct ranges *ranges)
{
    int error = search->entries.count ? spread(search) : 0;

    for (size_t i = 0; i < search->edge_count && search->entries.count && !error; i++) {
        const struct edge *edge = &search->edges[i];
        void *function;
        if (edge->code && !(edge->from & WALK_ALT) &&
            offsets_find(&search->entries, edge->to, &function))
            error = add_ranges(dwarf, edge, function, elf, ranges);
    }
    return error;
}

static void release(struct search *search)
{
    for (struct function *function = search->all, *next; function; function = next) {
        next = function->next;
        for (struct match *match = function->matches, *after; match; match = after) {
            after = match->next;
            free(match);
        }
        free(function->name);
        free(function);
    }
    free(search->edges);
    offsets_free(&search->names);
    offsets_free(&search->entries);
}

/* Walks ELF, or the supplementary file if BASE is WALK_ALT. */
static int walk_elf(struct search *search, Elf *elf, Elf *alt, uint64_t base, bool *seen,
                    functions_note *note, void *context)
{
    struct walk_file file;
    unsigned split = 0;

    if (!walk_file_open(&file, elf, alt))
        return 0;
    *seen = true;
    search->base = base;
    int error = walk(&file, visit, search, &split);
    if (error == -EINVAL) {
        note(context, "part of the debug information cannot be read");
        error = 0;
    }
    if (split)
        note(context, "part of the debug information is in .dwo files, which are not read");
    return error;
}

int functions_read(struct object *object, const struct rule_matcher *matcher, struct ranges *ranges,
                   bool *seen, functions_note *note, void *context)
{
    struct search search = {.matcher = matcher};
    /* Unpacks compressed sections, in place. */
    Dwarf *dwarf = dwarf_begin_elf(object->elf, DWARF_C_READ, NULL);
    Elf *alt = NULL;
    int error = 0;

    if (!dwarf)
        return 0;
    if (object_section(object->elf, ".gnu_debugaltlink")) {
        Dwarf *alt_dwarf = dwarf_getalt(dwarf);
        alt = alt_dwarf ? dwarf_getelf(alt_dwarf) : NULL;
        if (!alt)
            note(context, "the supplementary debug file (.gnu_debugaltlink) is not there");
    }
    if (alt)
        error = walk_elf(&search, alt, NULL, WALK_ALT, seen, note, context);
    if (!error)
        error = walk_elf(&search, object->elf, alt, 0, seen, note, context);
    if (!error)
        error = collect(&search, dwarf, object->elf, ranges);
    release(&search);
    dwarf_end(dwarf);
    return error;
}
