#include "indexer/walk.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "indexer/abbrev.h"
#include "indexer/cursor.h"
#include "indexer/object.h"

#define SCOPES 64u /* deeper ones are left out of names */
#define TABLES 64u /* abbreviation tables that are kept */

struct unit {
    struct abbrev_format format;
    uint64_t offset, end; /* in .debug_info */
    uint64_t string_base; /* in .debug_str_offsets */
    unsigned type;        /* DW_UT_* */
    const struct abbrev_table *table;
};

struct walker {
    const struct walk_file *file;
    walk_visit *visit;
    void *context;
    unsigned *split;
    struct unit unit;
    struct walk_scope scopes[SCOPES];
    /* Units share tables in files that dwz has been over. */
    struct {
        uint64_t offset;
        struct abbrev_format format;
        struct abbrev_table table;
    } tables[TABLES];
    size_t tables_used;
};

static struct walk_section section_of(Elf *elf, const char *name)
{
    struct walk_section section = {0};
    char old[64];

    section.bytes = object_contents(elf, name, &section.size);
    if (!section.bytes) {
        /* libdw has unpacked GNU's older compression in place, too. */
        snprintf(old, sizeof old, ".z%s", name + 1);
        section.bytes = object_contents(elf, old, &section.size);
    }
    return section;
}

/* Cut after its last terminator, so that whatever begins in it ends in it. */
static struct walk_section strings_of(Elf *elf, const char *name)
{
    struct walk_section section = section_of(elf, name);

    while (section.size && section.bytes[section.size - 1])
        section.size--;
    return section;
}

bool walk_file_open(struct walk_file *file, Elf *elf, Elf *alt)
{
    file->info = section_of(elf, ".debug_info");
    file->abbrev = section_of(elf, ".debug_abbrev");
    file->strings = strings_of(elf, ".debug_str");
    file->line_strings = strings_of(elf, ".debug_line_str");
    file->string_offsets = section_of(elf, ".debug_str_offsets");
    file->alt_strings = alt ? strings_of(alt, ".debug_str") : (struct walk_section){0};
    return file->info.bytes != NULL;
}

/* --- values ------------------------------------------------------------------ */

static const char *string_at(struct walk_section section, uint64_t offset)
{
    return offset < section.size ? (const char *)section.bytes + offset : NULL;
}

static const char *indexed_string(const struct walker *walker, uint64_t index)
{
    struct walk_section offsets = walker->file->string_offsets;
    size_t bytes = walker->unit.format.offset_bytes;
    uint64_t base = walker->unit.string_base, at, offset = 0;

    if (__builtin_mul_overflow(index, bytes, &at) || __builtin_add_overflow(at, base, &at) ||
        at > offsets.size || offsets.size - at < bytes)
        return NULL;
    memcpy(&offset, offsets.bytes + at, bytes);
    return string_at(walker->file->strings, offset);
}

static const char *read_string(const struct walker *walker, struct cursor *cursor, unsigned form)
{
    const struct walk_file *file = walker->file;
    size_t offset_bytes = walker->unit.format.offset_bytes;

    switch (form) {
    case DW_FORM_string:
        return cursor_string(cursor);
    case DW_FORM_strp:
        return string_at(file->strings, cursor_number(cursor, offset_bytes));
    case DW_FORM_line_strp:
        return string_at(file->line_strings, cursor_number(cursor, offset_bytes));
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_strp_alt:
        return string_at(file->alt_strings, cursor_number(cursor, offset_bytes));
    case DW_FORM_strx1:
        return indexed_string(walker, cursor_number(cursor, 1));
    case DW_FORM_strx2:
        return indexed_string(walker, cursor_number(cursor, 2));
    case DW_FORM_strx3:
        return indexed_string(walker, cursor_number(cursor, 3));
    case DW_FORM_strx4:
        return indexed_string(walker, cursor_number(cursor, 4));
    case DW_FORM_strx:
    case DW_FORM_GNU_str_index:
        return indexed_string(walker, cursor_leb(cursor));
    default:
        abbrev_skip_form(cursor, form, &walker->unit.format);
        return NULL;
    }
}

/* The offset in .debug_info that a reference leads to. */
static uint64_t read_reference(const struct walker *walker, struct cursor *cursor, unsigned form)
{
    const struct unit *unit = &walker->unit;

    switch (form) {
    case DW_FORM_ref1:
        return unit->offset + cursor_number(cursor, 1);
    case DW_FORM_ref2:
        return unit->offset + cursor_number(cursor, 2);
    case DW_FORM_ref4:
        return unit->offset + cursor_number(cursor, 4);
    case DW_FORM_ref8:
        return unit->offset + cursor_number(cursor, 8);
    case DW_FORM_ref_udata:
        return unit->offset + cursor_leb(cursor);
    case DW_FORM_ref_addr:
        return cursor_number(cursor, unit->format.version <= 2 ? unit->format.address_bytes
                                                               : unit->format.offset_bytes);
    case DW_FORM_GNU_ref_alt:
        return cursor_number(cursor, unit->format.offset_bytes) | WALK_ALT;
    case DW_FORM_ref_sup4:
        return cursor_number(cursor, 4) | WALK_ALT;
    case DW_FORM_ref_sup8:
        return cursor_number(cursor, 8) | WALK_ALT;
    default:
        abbrev_skip_form(cursor, form, &unit->format);
        return WALK_NOWHERE;
    }
}

/* --- entries ------------------------------------------------------------------ */

/* Reads the attributes of ABBREV into ENTRY; *SIBLING is set where the entry's tree can be skipped.
 */
static void read_entry(struct walker *walker, struct cursor *cursor, const struct abbrev *abbrev,
                       struct walk_entry *entry, uint64_t *sibling)
{
    for (uint32_t i = 0; i < abbrev->steps; i++) {
        const struct step *step = &walker->unit.table->steps[abbrev->first_step + i];

        switch ((enum attribute_use)step->use) {
        case USE_NAME:
            entry->name = read_string(walker, cursor, step->form);
            break;
        case USE_LINKAGE:
            entry->linkage_name = read_string(walker, cursor, step->form);
            break;
        case USE_ORIGIN:
            entry->origin = read_reference(walker, cursor, step->form);
            break;
        case USE_SIBLING:
            *sibling = read_reference(walker, cursor, step->form);
            break;
        case USE_STRING_BASE:
            walker->unit.string_base = cursor_number(cursor, walker->unit.format.offset_bytes);
            break;
        case USE_SPLIT:
            ++*walker->split;
            abbrev_skip_form(cursor, step->form, &walker->unit.format);
            break;
        case USE_NONE:
            if (step->form)
                abbrev_skip_form(cursor, step->form, &walker->unit.format);
            else
                cursor_skip(cursor, step->bytes);
        }
    }
}

static bool names_scope(unsigned tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_subprogram;
}

static int walk_entries(struct walker *walker, struct cursor *cursor)
{
    const struct unit *unit = &walker->unit;
    const uint8_t *info = walker->file->info.bytes;
    size_t depth = 0;

    do {
        struct walk_entry entry = {.offset = (uint64_t)(cursor->at - info),
                                   .origin = WALK_NOWHERE,
                                   .scopes = walker->scopes};
        uint64_t code = cursor_leb(cursor), sibling = 0;
        if (code == 0) {
            depth -= depth > 0;
            continue;
        }
        const struct abbrev *abbrev = abbrev_find(unit->table, code);
        if (!abbrev)
            return -EINVAL;
        read_entry(walker, cursor, abbrev, &entry, &sibling);
        if (cursor->failed)
            return -EINVAL;
        entry.tag = abbrev->tag;
        entry.code = abbrev->code_range;
        entry.scope_count = depth < SCOPES ? depth : SCOPES;
        if (entry.tag == DW_TAG_subprogram || entry.tag == DW_TAG_inlined_subroutine) {
            int error = walker->visit(walker->context, &entry);
            if (error)
                return error;
        }
        if (!abbrev->children)
            continue;
        if (sibling > entry.offset && info + sibling >= cursor->at && sibling <= unit->end) {
            cursor->at = info + sibling;
            continue;
        }
        if (depth < SCOPES)
            walker->scopes[depth] =
                (struct walk_scope){names_scope(entry.tag) ? entry.tag : 0, entry.name};
        depth++;
    } while (depth > 0 && cursor->at < cursor->end);
    return 0;
}

/* --- units -------------------------------------------------------------------- */

static int find_table(struct walker *walker, uint64_t offset)
{
    struct walk_section section = walker->file->abbrev;
    struct unit *unit = &walker->unit;

    for (size_t i = 0; i < TABLES && i < walker->tables_used; i++) {
        if (walker->tables[i].offset == offset &&
            memcmp(&walker->tables[i].format, &unit->format, sizeof unit->format) == 0) {
            unit->table = &walker->tables[i].table;
            return 0;
        }
    }
    if (offset >= section.size)
        return -EINVAL;
    struct cursor cursor = {section.bytes + offset, section.bytes + section.size, false};
    size_t slot = walker->tables_used++ % TABLES;
    struct abbrev_table *table = &walker->tables[slot].table;
    abbrev_free(table);
    walker->tables[slot].offset = offset;
    walker->tables[slot].format = unit->format;
    unit->table = table;
    int error = abbrev_read(table, &cursor, &unit->format);
    if (error) {
        abbrev_free(table);
        walker->tables[slot].offset = UINT64_MAX;
    }
    return error;
}

/* Reads the header of the unit at CURSOR, up to its first entry. */
static int read_unit(struct walker *walker, struct cursor *cursor, uint64_t *abbrev_offset)
{
    struct unit *unit = &walker->unit;
    const uint8_t *info = walker->file->info.bytes;
    size_t offset_bytes = 4;

    *unit = (struct unit){.offset = (uint64_t)(cursor->at - info), .type = DW_UT_compile};
    uint64_t length = cursor_number(cursor, 4);
    if (length == 0xffffffff) {
        offset_bytes = 8;
        length = cursor_number(cursor, 8);
    }
    if (cursor->failed || length > (uint64_t)(cursor->end - cursor->at))
        return -EINVAL;
    unit->end = (uint64_t)(cursor->at - info) + length;
    unit->format.offset_bytes = (uint8_t)offset_bytes;
    uint64_t version = cursor_number(cursor, 2);
    if (version < 2 || version > 5)
        return -EINVAL;
    unit->format.version = (uint8_t)version;
    if (unit->format.version >= 5) {
        unit->type = (unsigned)cursor_number(cursor, 1);
        unit->format.address_bytes = (uint8_t)cursor_number(cursor, 1);
        *abbrev_offset = cursor_number(cursor, offset_bytes);
        unit->string_base = offset_bytes == 8 ? 16 : 8;
        if (unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile)
            cursor_skip(cursor, 8);
    } else {
        *abbrev_offset = cursor_number(cursor, offset_bytes);
        unit->format.address_bytes = (uint8_t)cursor_number(cursor, 1);
    }
    return cursor->failed ? -EINVAL : 0;
}

static int walk_unit(struct walker *walker, struct cursor *cursor)
{
    uint64_t abbrev_offset = 0;
    int error = read_unit(walker, cursor, &abbrev_offset);

    if (error)
        return error;
    /* Type units hold declarations only, which nothing outside refers to as functions. */
    if (walker->unit.type != DW_UT_compile && walker->unit.type != DW_UT_partial) {
        *walker->split += walker->unit.type == DW_UT_skeleton;
        return 0;
    }
    error = find_table(walker, abbrev_offset);
    if (error)
        return error;
    cursor->end = walker->file->info.bytes + walker->unit.end;
    return walk_entries(walker, cursor);
}

int walk(const struct walk_file *file, walk_visit *visit, void *context, unsigned *split)
{
    struct walker walker = {.file = file, .visit = visit, .context = context, .split = split};
    const uint8_t *at = file->info.bytes, *end = at + file->info.size;
    int result = 0;

    while (at < end) {
        struct cursor cursor = {at, end, false};
        int error = walk_unit(&walker, &cursor);
        if (error == -EINVAL)
            result = error;
        else if (error) {
            result = error;
            break;
        }
        /* A unit that makes no sense inside has been left by its length. */
        if (walker.unit.end == 0)
            break;
        at = file->info.bytes + walker.unit.end;
    }
    for (size_t i = 0; i < TABLES; i++)
        abbrev_free(&walker.tables[i].table);
    return result;
}

bool walk_qualified_name(const struct walk_entry *entry, char *buffer, size_t bytes)
{
    size_t used = 0;

    if (!entry->name)
        return false;
    for (size_t i = 0; i < entry->scope_count; i++) {
        const struct walk_scope *scope = &entry->scopes[i];
        const char *name = scope->name;
        if (!scope->tag)
            continue;
        if (!name && scope->tag == DW_TAG_namespace)
            name = "(anonymous namespace)";
        if (!name)
            return false;
        used += (size_t)snprintf(buffer + used, bytes - used, "%s%s::", name,
                                 scope->tag == DW_TAG_subprogram ? "()" : "");
        if (used >= bytes)
            return false;
    }
    used += (size_t)snprintf(buffer + used, bytes - used, "%s", entry->name);
    return used < bytes;
}
