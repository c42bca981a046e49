#define _GNU_SOURCE
#include "golang/program.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
    CHUNK = 64 << 10,
    NAMES_MOST = 256 << 20, /* bytes of function names */
};

/* What begins a table of functions. Older ones than these lack the runtime's moduledata in this
 * form. */
static const struct generation {
    uint32_t magic;
    unsigned types; /* word of moduledata; the end follows */
    const char *between;
} generations[] = {
    {0xfffffffa, 35, "1.16 or 1.17"},
    {0xfffffff0, 35, "1.18 or 1.19"},
    {0xfffffff1, 37, "1.20 or later"},
};

/* Called for each stretch of the program's own mappings; true ends the search. */
typedef bool search(void *context, uint64_t address, const char *bytes, size_t count);

static bool walk_mapping(const struct memory *memory, const struct mapping *mapping, size_t overlap,
                         search *look, void *context)
{
    struct memory_loan loan;

    for (uint64_t at = mapping->low; at < mapping->high; at += CHUNK - overlap) {
        size_t bytes = mapping->high - at < CHUNK ? mapping->high - at : CHUNK;
        if (!memory_borrow(memory, at, bytes, &loan))
            return false;
        bool found = look(context, at, loan.bytes, bytes);
        memory_give_back(&loan);
        if (found)
            return true;
        if (bytes < CHUNK)
            return false;
    }
    return false;
}

/* Where linkers put what is looked for: mappings that are FIRST, then others, then code. */
enum first { READ_ONLY, WRITABLE };

/* Stretches overlap by OVERLAP bytes. */
static int walk(const struct memory *memory, enum first first, size_t overlap, search *look,
                void *context)
{
    bool found = false;

    for (int turn = 0; turn < 3 && !found; turn++)
        for (size_t i = 0; i < memory->count && !found; i++) {
            const struct mapping *mapping = &memory->mappings[i];
            int its_turn = mapping->executable ? 2 : mapping->writable != (first == WRITABLE);
            /* The zeroed part of the data has no file of its own; moduledata never stands there. */
            if (mapping->program && mapping->readable && its_turn == turn)
                found = walk_mapping(memory, mapping, overlap, look, context);
        }
    return found ? 0 : -ENOENT;
}

/* --- the table of functions and what leads to it ---------------------------- */

struct finding {
    const struct memory *memory;
    const struct generation *generation;
    uint64_t table;
    uint64_t words[GO_MODULEDATA_WORDS];
};

static bool in_program(const struct memory *memory, uint64_t address, bool executable)
{
    const struct mapping *mapping = memory_at(memory, address);

    return mapping && mapping->program && (!executable || mapping->executable);
}

static bool plausible(const struct finding *finding)
{
    const uint64_t *words = finding->words;
    unsigned types = finding->generation->types;

    return words[1] > finding->table && words[2] > 0 && words[2] < NAMES_MOST &&
           in_program(finding->memory, words[1], false) && words[20] < words[21] &&
           in_program(finding->memory, words[20], true) && words[types] < words[types + 1] &&
           in_program(finding->memory, words[types], false);
}

static bool look_for_moduledata(void *context, uint64_t address, const char *bytes, size_t count)
{
    struct finding *finding = context;

    (void)address;
    for (size_t at = 0; at + sizeof finding->words <= count; at += 8) {
        if (memcmp(bytes + at, &finding->table, 8) != 0)
            continue;
        memcpy(finding->words, bytes + at, sizeof finding->words);
        if (plausible(finding))
            return true;
    }
    return false;
}

static bool look_for_table(void *context, uint64_t address, const char *bytes, size_t count)
{
    static const char rest[] = {0, 0, 1, 8}; /* padding, instruction and pointer size */
    struct finding *finding = context;

    for (size_t at = 0; at + 8 <= count; at += 8)
        for (size_t i = 0; i < sizeof generations / sizeof *generations; i++) {
            if (memcmp(bytes + at, &generations[i].magic, 4) != 0 ||
                memcmp(bytes + at + 4, rest, sizeof rest) != 0)
                continue;
            finding->generation = &generations[i];
            finding->table = address + at;
            if (walk(finding->memory, WRITABLE, sizeof finding->words, look_for_moduledata,
                     finding) == 0)
                return true;
        }
    return false;
}

static int look_at_names(const struct finding *finding, struct go_program *program)
{
    static const char classic[] = "\0runtime.hashGrow";
    static const char swiss[] = "\0internal/runtime/maps.(*table).grow";
    size_t bytes = finding->words[2];
    struct memory_loan loan;
    const char *names = memory_borrow(finding->memory, finding->words[1], bytes, &loan);

    if (!names)
        return -ENOENT;
    if (memmem(names, bytes, classic, sizeof classic))
        program->maps = GO_MAPS_CLASSIC;
    else if (memmem(names, bytes, swiss, sizeof swiss))
        program->maps = GO_MAPS_SWISS;
    memory_give_back(&loan);
    return 0;
}

/* --- the version ------------------------------------------------------------ */

struct version {
    const struct memory *memory;
    char *text;
    size_t room;
};

static bool take_version(struct version *version, uint64_t address, uint64_t length)
{
    if (length < 3 || length >= version->room ||
        !memory_read(version->memory, address, version->text, length))
        return false;
    version->text[length] = 0;
    for (uint64_t i = 0; i < length; i++)
        if (version->text[i] < ' ' || version->text[i] > '~')
            return false;
    return true;
}

/* debug/buildinfo: since Go 1.18 the text follows; before, a pointer to a string of Go's. */
static bool look_for_buildinfo(void *context, uint64_t address, const char *bytes, size_t count)
{
    static const char magic[] = "\xff Go buildinf:";
    struct version *version = context;

    for (size_t at = 0; at + 40 <= count; at += 16) {
        uint64_t pointer, string[2];

        if (memcmp(bytes + at, magic, sizeof magic - 1) != 0)
            continue;
        if (bytes[at + 15] & 2) {
            if (take_version(version, address + at + 33, (unsigned char)bytes[at + 32]))
                return true;
        } else {
            memcpy(&pointer, bytes + at + 16, sizeof pointer);
            if (memory_read(version->memory, pointer, string, sizeof string) &&
                take_version(version, string[0], string[1]))
                return true;
        }
        *version->text = 0;
    }
    return false;
}

int go_program_find(const struct memory *memory, struct go_program *program)
{
    struct finding finding = {.memory = memory};
    int error = walk(memory, READ_ONLY, 8, look_for_table, &finding);

    *program = (struct go_program){0};
    if (!error)
        error = look_at_names(&finding, program);
    if (error)
        return error;
    program->between = finding.generation->between;
    program->magic = finding.generation->magic;
    program->table = finding.table;
    memcpy(program->module, finding.words, sizeof program->module);
    program->types = finding.words[finding.generation->types];
    program->types_end = finding.words[finding.generation->types + 1];
    struct version version = {memory, program->version, sizeof program->version};
    if (walk(memory, WRITABLE, 48, look_for_buildinfo, &version) != 0)
        *program->version = 0;
    return 0;
}
