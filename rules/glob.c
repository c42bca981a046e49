#include "rules/glob.h"

#include <string.h>

#include "rules/rule.h"

bool rules_glob(const char *glob, const char *name)
{
    /* Only the last `*` ever needs to be taken back, which keeps this quadratic at worst. */
    const char *star = NULL, *resume = NULL;

    while (*name) {
        if (*glob == '*') {
            star = ++glob;
            resume = name;
        } else if (*glob == '?' || *glob == *name) {
            glob++;
            name++;
        } else if (star) {
            glob = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

bool identifier_character(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_';
}

/*
 * Words that a demangler writes although the mangled name does not hold them:
 * none of them may be an anchor.
 */
static const char *const demangler_words[] = {
    "std",
    "string",
    "basic_string",
    "basic_istream",
    "basic_ostream",
    "istream",
    "ostream",
    "iostream",
    "basic_iostream",
    "allocator",
    "char_traits",
    "void",
    "bool",
    "char",
    "signed",
    "unsigned",
    "short",
    "int",
    "long",
    "float",
    "double",
    "wchar_t",
    "char8_t",
    "char16_t",
    "char32_t",
    "__int128",
    "__float128",
    "decimal32",
    "decimal64",
    "decimal128",
    "half",
    "_Float",
    "auto",
    "decltype",
    "nullptr",
    "const",
    "volatile",
    "restrict",
    "__restrict",
    "noexcept",
    "throw",
    "true",
    "false",
    "operator",
    "new",
    "delete",
    "sizeof",
    "alignof",
    "typeid",
    "this",
    "static_cast",
    "const_cast",
    "dynamic_cast",
    "reinterpret_cast",
    "requires",
    "_Complex",
    "_Imaginary",
    "__vector",
    "lambda",
    "unnamed",
    "type",
    "anonymous",
    "namespace",
    "clone",
    "abi",
    "virtual",
    "thunk",
    "guard",
    "variable",
    "for",
    "vtable",
    "VTT",
    "typeinfo",
    "name",
    "transaction",
    "transaction_safe",
    "default",
    "arg",
    "struct",
    "enum",
    "union",
    "isize",
    "usize",
    "i16",
    "u16",
    "i32",
    "u32",
    "i64",
    "u64",
    "i128",
    "u128",
    "f32",
    "f64",
    "str",
    "dyn",
    "mut",
    "unsafe",
    "extern",
    "impl",
    "shim",
    "closure",
};

/* True if WORD is the BYTES of RUN; PART: or holds them. Asked often: most end at the first byte.
 */
static bool is_word(const char *run, size_t bytes, const char *word, bool part)
{
    do {
        if (*word == *run && strncmp(word, run, bytes) == 0 && (part || !word[bytes]))
            return true;
    } while (part && *++word);
    return false;
}

static bool written_by_demangler(struct anchor run)
{
    bool part = !run.begins || !run.ends;

    for (size_t i = 0; i < sizeof demangler_words / sizeof *demangler_words; i++)
        if (is_word(run.text, run.bytes, demangler_words[i], part))
            return true;
    /* A number: mangled names write 12ul as m12. */
    return run.text[0] >= '0' && run.text[0] <= '9';
}

/* A plain function name stands in its symbol as it is, even if it is `string`. */
static bool plain_name(const char *glob)
{
    while (identifier_character(*glob))
        glob++;
    return *glob == '\0';
}

bool glob_next_anchor(const char *glob, const char **cursor, struct anchor *anchor)
{
    const char *at = *cursor;

    /* A clone's suffix is written otherwise in symbols. */
    while (*at && strncmp(at, " [clone ", 8) != 0) {
        if (!identifier_character(*at)) {
            at++;
            continue;
        }
        struct anchor run = {.text = at};
        while (identifier_character(*at))
            at++;
        run.bytes = (size_t)(at - run.text);
        run.begins = run.text == glob || (run.text[-1] != '*' && run.text[-1] != '?');
        run.ends = *at != '*' && *at != '?';
        if (run.bytes >= ANCHOR_MIN_BYTES && (plain_name(glob) || !written_by_demangler(run))) {
            *cursor = at;
            *anchor = run;
            return true;
        }
    }
    *cursor = at;
    return false;
}

bool glob_prefers(const struct anchor *best, const struct anchor *later)
{
    return best->bytes == 0 || later->bytes > ANCHOR_MIN_BYTES;
}

struct anchor glob_anchor(const char *glob)
{
    struct anchor best = {.text = glob}, anchor;
    const char *cursor = glob;

    while (glob_next_anchor(glob, &cursor, &anchor)) {
        if (glob_prefers(&best, &anchor))
            best = anchor;
    }
    return best;
}
