/*
 * libiberty's demangler, held so that it cannot allocate, run long, or write
 * more than there is room for: its callback leaves by longjmp when the room is
 * full, which some names would otherwise take minutes for.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#include "rules/punycode.h"
#include "rules/rule.h"
#include "rules/symbol.h"

struct sink {
    char *buffer;
    size_t bytes, used; /* one byte is kept for the terminator */
    jmp_buf full;
};

static void receive(const char *text, size_t bytes, void *context)
{
    struct sink *sink = context;
    size_t room = sink->bytes - 1 - sink->used;
    size_t part = bytes < room ? bytes : room;

    if (!text) /* libiberty's way to say nothing */
        return;
    memcpy(sink->buffer + sink->used, text, part);
    sink->used += part;
    if (bytes > room)
        longjmp(sink->full, 1);
}

/*
 * libiberty's printer puts an array on the stack with an entry for each pair of
 * a template and a reference to a template parameter.
 */
#define PAIRS_LIMIT 4096u

static bool stack_hungry(const char *mangled)
{
    size_t templates = 0, references = 0;

    for (const char *at = mangled; *at; at++) {
        templates += *at == 'I';
        references += (*at == 'R' || *at == 'O') && at[1] == 'T';
    }
    return templates * references > PAIRS_LIMIT;
}

enum outcome { DEMANGLE_FAILED, DEMANGLE_CUT, DEMANGLE_WHOLE };

static enum outcome demangle(const char *mangled, enum symbol_mangling mangling, int options,
                             char *buffer, size_t bytes)
{
    struct sink sink = {.buffer = buffer, .bytes = bytes};
    int done;

    if (mangling == MANGLING_RUST ? mangled[1] == 'R' && punycode_possible(mangled)
                                  : stack_hungry(mangled)) {
        buffer[0] = '\0';
        return DEMANGLE_FAILED;
    }
    if (_setjmp(sink.full)) {
        buffer[bytes - 1] = '\0';
        return DEMANGLE_CUT;
    }
    if (mangling == MANGLING_RUST)
        done = rust_demangle_callback(mangled, options, receive, &sink);
    else
        /* Its recursion limit would refuse names above 1 KiB; ours stands in SYMBOL_LIMIT. */
        done = cplus_demangle_v3_callback(mangled, options | DMGL_NO_RECURSE_LIMIT, receive, &sink);
    buffer[sink.used] = '\0';
    return done ? DEMANGLE_WHOLE : DEMANGLE_FAILED;
}

static bool legacy_rust(const char *name, size_t bytes)
{
    /* ..17h<16 hex digits>E */
    if (bytes < 20 + 3 || name[bytes - 1] != 'E' || memcmp(name + bytes - 20, "17h", 3) != 0)
        return false;
    for (const char *digit = name + bytes - 17; digit < name + bytes - 1; digit++) {
        if (!strchr("0123456789abcdef", *digit))
            return false;
    }
    return true;
}

enum symbol_mangling symbol_mangling(const char *name)
{
    if (name[0] != '_')
        return MANGLING_NONE;
    if (name[1] == 'R')
        return MANGLING_RUST;
    if (name[1] != 'Z')
        return MANGLING_NONE;
    return name[2] == 'N' && legacy_rust(name, symbol_stem(name)) ? MANGLING_RUST : MANGLING_CXX;
}

/* Cuts `::<...>` off the end of a Rust name. */
static bool cut_generics(char *name)
{
    size_t bytes = strlen(name), depth = 0;

    if (bytes == 0 || name[bytes - 1] != '>')
        return false;
    for (size_t at = bytes; at-- > 2;) {
        if (name[at] == '>' && name[at - 1] != '-')
            depth++;
        else if (name[at] == '<' && --depth == 0) {
            if (name[at - 1] != ':' || name[at - 2] != ':')
                return false;
            name[at - 2] = '\0';
            return true;
        }
    }
    return false;
}

/* Appends ` [clone .SUFFIX]` for each suffix, as cplus_demangle writes them. */
static bool append_clones(const char *suffix, char *buffer, size_t bytes)
{
    size_t used = strlen(buffer);

    while (*suffix == '.') {
        size_t length = 1 + strcspn(suffix + 1, ".@ ");
        while (suffix[length] == '.' && suffix[length + 1] >= '0' && suffix[length + 1] <= '9')
            length += 1 + strcspn(suffix + length + 1, ".@ ");
        if (bytes - used < length + sizeof " [clone ]")
            return false;
        memcpy(buffer + used, " [clone ", 8);
        memcpy(buffer + used + 8, suffix, length);
        used += 8 + length;
        buffer[used++] = ']';
        buffer[used] = '\0';
        suffix += length;
    }
    return true;
}

bool symbol_write_form(const char *name, enum symbol_form form, char *buffer, size_t bytes)
{
    size_t stem = form == FORM_PLAIN ? strlen(name) : symbol_stem(name);
    enum symbol_mangling mangling;
    char mangled[SYMBOL_LIMIT + 1];

    if (form == FORM_PLAIN || form == FORM_STEM) {
        if (stem >= bytes)
            return false;
        memcpy(buffer, name, stem);
        buffer[stem] = '\0';
        return true;
    }
    mangling = symbol_mangling(name);
    if (mangling == MANGLING_NONE || stem > SYMBOL_LIMIT ||
        (form == FORM_CLONE && name[stem] != '.'))
        return false;
    memcpy(mangled, name, stem);
    mangled[stem] = '\0';

    bool rust = mangling == MANGLING_RUST;
    int options = DMGL_PARAMS | DMGL_ANSI;
    if (form == FORM_NO_RETURN)
        options |= rust ? DMGL_VERBOSE : DMGL_RET_DROP;
    else if (form == FORM_BARE && !rust)
        options = DMGL_ANSI;
    if (demangle(mangled, mangling, options, buffer, bytes) != DEMANGLE_WHOLE)
        return false;
    if (form == FORM_BARE && rust)
        return cut_generics(buffer);
    if (form == FORM_CLONE)
        return append_clones(name + stem, buffer, bytes);
    return true;
}

bool rules_demangle(const char *name, char *buffer, size_t bytes)
{
    size_t stem = symbol_stem(name);
    enum symbol_mangling mangling = symbol_mangling(name);
    char mangled[SYMBOL_LIMIT + 1];

    if (bytes == 0)
        return false;
    if (mangling != MANGLING_NONE && stem <= SYMBOL_LIMIT) {
        memcpy(mangled, name, stem);
        mangled[stem] = '\0';
        if (demangle(mangled, mangling, DMGL_PARAMS | DMGL_ANSI, buffer, bytes) !=
            DEMANGLE_FAILED) {
            append_clones(name + stem, buffer, bytes);
            return true;
        }
    }
    size_t length = strlen(name);
    if (length >= bytes)
        length = bytes - 1;
    memcpy(buffer, name, length);
    buffer[length] = '\0';
    return false;
}
