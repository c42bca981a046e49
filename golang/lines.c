#include "golang/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNITS = 4, /* words of moduledata: slices */
    FILES = 7,
    VALUES = 10,
    TABLE_MOST = 1 << 30,
    INLINE_INDEX = 2, /* of a function's tables of values: internal/abi.PCDATA_InlTreeIndex */
    INLINE_TREE = 3,  /* of its other data: internal/abi.FUNCDATA_InlTree */
    INLINE_MOST = 64,
};

/* runtime._func, counted from behind its entry, which has 4 or 8 bytes. */
enum { NAME = 0, FILE_VALUES = 16, LINE_VALUES = 20, VALUE_TABLES = 24, UNIT = 28, REST = 32 };

/* A function's description, as it is needed here. */
struct described {
    struct go_function function;
    uint32_t file_values, line_values, unit;
    uint32_t inline_values; /* 0: it has no inlined calls */
    uint64_t tree;          /* address of runtime.inlinedCall items */
};

static uint32_t half(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* The slice of bytes or COUNT x ITEM bytes at word WORD of moduledata. */
static int copy_table(const struct memory *memory, const struct go_program *program, unsigned word,
                      size_t item, struct go_table *table)
{
    uint64_t count = program->module[word + 1];

    if (count == 0 || count > TABLE_MOST / item)
        return -ENOENT;
    table->count = count * item;
    table->bytes = malloc(table->count + 1);
    if (!table->bytes)
        return -ENOMEM;
    table->bytes[table->count] = 0;
    return memory_read(memory, program->module[word], table->bytes, table->count) ? 0 : -ENOENT;
}

int go_lines_read(const struct memory *memory, const struct go_program *program,
                  struct go_lines *lines)
{
    bool since_20 = program->magic == 0xfffffff1;

    *lines = (struct go_lines){
        .memory = memory,
        .absolute = program->magic == 0xfffffffa,
        .named_inlines = since_20,
        .tree_base = program->module[since_20 ? 40 : 38], /* gofunc */
    };
    int error = go_functions_read(memory, program, &lines->functions);
    if (!error)
        error = copy_table(memory, program, UNITS, sizeof(uint32_t), &lines->units);
    if (!error)
        error = copy_table(memory, program, FILES, 1, &lines->files);
    if (!error)
        error = copy_table(memory, program, VALUES, 1, &lines->values);
    if (error)
        go_lines_free(lines);
    return error;
}

void go_lines_free(struct go_lines *lines)
{
    go_functions_free(&lines->functions);
    free(lines->units.bytes);
    free(lines->files.bytes);
    free(lines->values.bytes);
    *lines = (struct go_lines){0};
}

/* --- tables of values ------------------------------------------------------------ */

/* A number in sevens of bits. False at the end of the table. */
static bool read_number(const struct go_table *table, size_t *at, uint32_t *number)
{
    *number = 0;
    for (unsigned shift = 0; *at < table->count && shift < 32; shift += 7) {
        unsigned char byte = table->bytes[(*at)++];
        *number |= (uint32_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

/*
 * The value for PC of the table that begins at AT (runtime.pcvalue): pairs of how much the value
 * changes and how many bytes of code it holds for. -1: none.
 */
static int32_t value_at(const struct go_lines *lines, uint32_t table, uint64_t entry, uint64_t pc)
{
    uint32_t change, run;
    uint32_t value = UINT32_MAX;
    uint64_t upto = entry;
    size_t at = table;

    if (table == 0)
        return -1;
    for (bool first = true; read_number(&lines->values, &at, &change); first = false) {
        if (change == 0 && !first)
            return -1;
        value += change & 1 ? ~(change >> 1) : change >> 1;
        if (!read_number(&lines->values, &at, &run))
            return -1;
        upto += run;
        if (pc < upto)
            return (int32_t)value;
    }
    return -1;
}

/* --- functions -------------------------------------------------------------------- */

static bool describe(const struct go_lines *lines, uint64_t pc, struct described *described)
{
    const struct go_functions *functions = &lines->functions;
    unsigned entry = functions->entry_bytes;
    size_t rest = entry + REST + (lines->named_inlines ? 4 : 0); /* startLine */

    *described = (struct described){0};
    if (!go_function_at(functions, pc, &described->function))
        return false;
    size_t at = described->function.info - functions->infos_address;
    if (at > functions->infos_bytes || functions->infos_bytes - at < rest + 4)
        return false;
    const char *info = functions->infos + at, *behind = info + entry;
    described->file_values = half(behind + FILE_VALUES);
    described->line_values = half(behind + LINE_VALUES);
    described->unit = half(behind + UNIT);
    uint32_t values = half(behind + VALUE_TABLES);
    unsigned others = (unsigned char)info[rest + 3];
    if (values <= INLINE_INDEX || others <= INLINE_TREE)
        return true;

    uint64_t data = rest + 4 + 4ull * values;
    if (lines->absolute)
        data += -(described->function.info + data) & 7;
    unsigned item = lines->absolute ? 8 : 4;
    if (functions->infos_bytes - at < data + item * (INLINE_TREE + 1u))
        return true;
    const char *tree = info + data + item * INLINE_TREE;
    if (lines->absolute)
        memcpy(&described->tree, tree, sizeof described->tree);
    else if (half(tree) != UINT32_MAX)
        described->tree = lines->tree_base + half(tree);
    if (described->tree)
        described->inline_values = half(info + rest + 4 + 4 * INLINE_INDEX);
    return true;
}

static const char *file_of(const struct go_lines *lines, const struct described *described,
                           uint64_t pc)
{
    int32_t number = value_at(lines, described->file_values, described->function.entry, pc);
    uint64_t unit = 4 * ((uint64_t)described->unit + (uint32_t)number);

    if (number < 0 || unit + 4 > lines->units.count)
        return NULL;
    uint32_t file = half(lines->units.bytes + unit);
    return file < lines->files.count && lines->files.bytes[file]
               ? (const char *)lines->files.bytes + file
               : NULL;
}

/* --- inlined calls ------------------------------------------------------------------ */

struct inlined {
    const char *name;
    uint64_t caller_pc; /* an instruction of whoever it was inlined into */
};

static bool read_inlined(const struct go_lines *lines, const struct described *described,
                         int32_t index, struct inlined *inlined)
{
    const struct go_functions *functions = &lines->functions;
    /* Where name and caller's pc stand in runtime.inlinedCall, and its size. */
    unsigned name_at = lines->named_inlines ? 4 : 12, pc_at = lines->named_inlines ? 8 : 16;
    unsigned bytes = pc_at + (lines->named_inlines ? 8 : 4);
    unsigned char item[20];

    if (!memory_read(lines->memory, described->tree + (uint64_t)index * bytes, item, bytes))
        return false;
    uint32_t name = half(item + name_at);
    if (name >= functions->names_bytes)
        return false;
    inlined->name = functions->names + name;
    inlined->caller_pc = described->function.entry + half(item + pc_at);
    return true;
}

bool go_lines_at(const struct go_lines *lines, uint64_t pc, go_line_found *found, void *context)
{
    struct described described;
    struct inlined inlined;

    if (!describe(lines, pc, &described))
        return false;
    uint64_t entry = described.function.entry;
    for (int depth = 0; depth < INLINE_MOST; depth++) {
        int32_t index = value_at(lines, described.inline_values, entry, pc);
        if (index < 0 || !read_inlined(lines, &described, index, &inlined) ||
            inlined.caller_pc < entry || inlined.caller_pc >= described.function.end)
            break;
        int32_t line = value_at(lines, described.line_values, entry, pc);
        found(context, inlined.name, file_of(lines, &described, pc), line > 0 ? (unsigned)line : 0,
              true);
        pc = inlined.caller_pc;
    }
    int32_t line = value_at(lines, described.line_values, entry, pc);
    found(context, described.function.name, file_of(lines, &described, pc),
          line > 0 ? (unsigned)line : 0, false);
    return true;
}
