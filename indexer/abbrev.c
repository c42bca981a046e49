#include "indexer/abbrev.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#define VARIES UINT32_MAX
/* More attributes than this in all: not a table that a compiler wrote. */
#define STEPS_LIMIT (1u << 22)

/* Bytes of a value of FORM, or VARIES. */
static uint32_t form_bytes(unsigned form, const struct abbrev_format *format)
{
    switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
        return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
        return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
        return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
        return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
        return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
        return 8;
    case DW_FORM_data16:
        return 16;
    case DW_FORM_addr:
        return format->address_bytes;
    case DW_FORM_ref_addr: /* was an address in DWARF 2 */
        return format->version <= 2 ? format->address_bytes : format->offset_bytes;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_strp_sup:
    case DW_FORM_sec_offset:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
        return format->offset_bytes;
    default:
        return VARIES;
    }
}

void abbrev_skip_form(struct cursor *cursor, unsigned form, const struct abbrev_format *format)
{
    uint32_t bytes = form_bytes(form, format);

    if (bytes != VARIES) {
        cursor_skip(cursor, bytes);
        return;
    }
    switch (form) {
    case DW_FORM_block1:
        cursor_skip(cursor, cursor_number(cursor, 1));
        break;
    case DW_FORM_block2:
        cursor_skip(cursor, cursor_number(cursor, 2));
        break;
    case DW_FORM_block4:
        cursor_skip(cursor, cursor_number(cursor, 4));
        break;
    case DW_FORM_block:
    case DW_FORM_exprloc:
        cursor_skip(cursor, cursor_leb(cursor));
        break;
    case DW_FORM_string:
        cursor_string(cursor);
        break;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
        cursor_leb(cursor);
        break;
    case DW_FORM_indirect: {
        unsigned inner = (unsigned)cursor_leb(cursor);
        if (inner == DW_FORM_indirect || inner == DW_FORM_implicit_const)
            cursor_fail(cursor);
        else
            abbrev_skip_form(cursor, inner, format);
        break;
    }
    default:
        cursor_fail(cursor);
    }
}

/* Which attributes the walk reads, by the tag of the entry; the rest is skipped. */
static enum attribute_use use_of(unsigned tag, unsigned attribute)
{
    switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
        if (attribute == DW_AT_abstract_origin || attribute == DW_AT_specification)
            return USE_ORIGIN;
        if (attribute == DW_AT_linkage_name || attribute == DW_AT_MIPS_linkage_name)
            return USE_LINKAGE;
        return attribute == DW_AT_name ? USE_NAME : USE_NONE;
    case DW_TAG_namespace:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        return attribute == DW_AT_name ? USE_NAME : USE_NONE;
    case DW_TAG_compile_unit:
    case DW_TAG_partial_unit:
        if (attribute == DW_AT_GNU_dwo_name)
            return USE_SPLIT;
        return attribute == DW_AT_str_offsets_base ? USE_STRING_BASE : USE_NONE;
    /* What can hold no function is jumped over. */
    case DW_TAG_enumeration_type:
    case DW_TAG_array_type:
    case DW_TAG_subroutine_type:
    case DW_TAG_call_site:
    case DW_TAG_GNU_call_site:
        return attribute == DW_AT_sibling ? USE_SIBLING : USE_NONE;
    default:
        return USE_NONE;
    }
}

static void *grow(void *array, size_t count, size_t bytes)
{
    /* Doubled at each power of two. */
    if (count & (count - 1))
        return array;
    return reallocarray(array, count ? count * 2 : 1, bytes);
}

/* Adds a step, or makes the skip before it longer. */
static int add_step(struct abbrev_table *table, struct abbrev *abbrev, struct step step)
{
    struct step *last = abbrev->steps ? &table->steps[table->step_count - 1] : NULL;

    if (step.form == 0 && last && last->form == 0) {
        last->bytes += step.bytes;
        return 0;
    }
    if (table->step_count >= STEPS_LIMIT)
        return -EINVAL;
    struct step *steps = grow(table->steps, table->step_count, sizeof *steps);
    if (!steps)
        return -ENOMEM;
    table->steps = steps;
    steps[table->step_count++] = step;
    abbrev->steps++;
    return 0;
}

static int read_attributes(struct abbrev_table *table, struct abbrev *abbrev, struct cursor *cursor,
                           const struct abbrev_format *format)
{
    for (;;) {
        unsigned attribute = (unsigned)cursor_leb(cursor), form = (unsigned)cursor_leb(cursor);
        if (cursor->failed)
            return -EINVAL;
        if (attribute == 0 && form == 0)
            return 0;
        if (form == DW_FORM_implicit_const)
            cursor_leb(cursor);
        if (form == 0 || form > UINT16_MAX)
            return -EINVAL;
        if (attribute == DW_AT_low_pc || attribute == DW_AT_ranges)
            abbrev->code_range = true;
        struct step step = {.form = (uint16_t)form, .use = use_of(abbrev->tag, attribute)};
        uint32_t bytes = form_bytes(form, format);
        if (step.use == USE_NONE && bytes != VARIES)
            step = (struct step){.bytes = bytes};
        int error = add_step(table, abbrev, step);
        if (error)
            return error;
    }
}

int abbrev_read(struct abbrev_table *table, struct cursor *cursor,
                const struct abbrev_format *format)
{
    *table = (struct abbrev_table){.dense = true};
    for (;;) {
        struct abbrev abbrev = {.code = cursor_leb(cursor)};
        if (abbrev.code == 0)
            return cursor->failed ? -EINVAL : 0;
        uint64_t tag = cursor_leb(cursor);
        abbrev.tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
        abbrev.children = cursor_number(cursor, 1) != 0;
        abbrev.first_step = (uint32_t)table->step_count;
        int error = read_attributes(table, &abbrev, cursor, format);
        if (error)
            return error;
        struct abbrev *abbrevs = grow(table->abbrevs, table->count, sizeof *abbrevs);
        if (!abbrevs)
            return -ENOMEM;
        table->abbrevs = abbrevs;
        abbrevs[table->count++] = abbrev;
        table->dense &= abbrev.code == table->count;
    }
}

void abbrev_free(struct abbrev_table *table)
{
    free(table->abbrevs);
    free(table->steps);
    *table = (struct abbrev_table){0};
}

const struct abbrev *abbrev_find(const struct abbrev_table *table, uint64_t code)
{
    if (table->dense)
        return code - 1 < table->count ? &table->abbrevs[code - 1] : NULL;
    for (size_t i = 0; i < table->count; i++) {
        if (table->abbrevs[i].code == code)
            return &table->abbrevs[i];
    }
    return NULL;
}
