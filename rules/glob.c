#define _GNU_SOURCE /* memmem */
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
 * none of them may be an anchor. One text, for it is asked for every anchor of
 * every rule when a program starts.
 */
static const char demangler_words[] =
    " std string basic_string basic_istream basic_ostream istream ostream iostream "
    "basic_iostream allocator char_traits void bool char signed unsigned short int long "
    "float double wchar_t char8_t char16_t char32_t __int128 __float128 decimal32 "
    "decimal64 decimal128 half _Float auto decltype nullptr const volatile restrict "
    "__restrict noexcept throw true false operator new delete sizeof alignof typeid this "
    "static_cast const_cast dynamic_cast reinterpret_cast requires _Complex _Imaginary "
    "__vector lambda unnamed type anonymous namespace clone abi virtual thunk guard "
    "variable for vtable VTT typeinfo name transaction transaction_safe default arg "
    "struct enum union isize usize i16 u16 i32 u32 i64 u64 i128 u128 f32 f64 str dyn mut "
    "unsafe extern impl shim closure ";

#define WORD_MOST 20 /* longer than each of them */

/* The text of RUN, or a part of it if it is not a whole identifier, is one of these words. */
static bool written_by_demangler(struct anchor run)
{
    bool part = !run.begins || !run.ends;
    char sought[WORD_MOST + 2], *at = sought;

    /* A number: mangled names write 12ul as m12. */
    if (run.text[0] >= '0' && run.text[0] <= '9')
        return true;
    if (run.bytes > WORD_MOST)
        return false;
    if (!part)
        *at++ = ' ';
    at = (char *)memcpy(at, run.text, run.bytes) + run.bytes;
    if (!part)
        *at++ = ' ';
    return memmem(demangler_words, sizeof demangler_words - 1, sought, (size_t)(at - sought));
}

/* A plain function name stands in its symbol as it is, even if it is `string`. */
static bool plain_name(const char *glob)
{
    while (identifier_character(*glob))
        glob++;
    return *glob == '\0';
}

/* The next run of identifier characters that is long enough; *CURSOR is where to go on. */
static bool next_run(const char *glob, const char **cursor, struct anchor *run)
{
    const char *at = *cursor;

    /* A clone's suffix is written otherwise in symbols. */
    while (*at && (*at != ' ' || strncmp(at, " [clone ", 8) != 0)) {
        if (!identifier_character(*at)) {
            at++;
            continue;
        }
        *run = (struct anchor){.text = at};
        while (identifier_character(*at))
            at++;
        run->bytes = (size_t)(at - run->text);
        run->begins = run->text == glob || (run->text[-1] != '*' && run->text[-1] != '?');
        run->ends = *at != '*' && *at != '?';
        if (run->bytes >= ANCHOR_MIN_BYTES) {
            *cursor = at;
            return true;
        }
    }
    return false;
}

struct anchor *glob_anchors(const char *glob, struct rule_arena *arena)
{
    struct anchor run, *anchors;
    const char *cursor = glob;
    bool plain = plain_name(glob);
    size_t count = 0;

    while (next_run(glob, &cursor, &run))
        count++;
    anchors = arena->take(arena, (count + 1) * sizeof *anchors);
    cursor = glob;
    for (count = 0; anchors && next_run(glob, &cursor, &run);)
        if (plain || !written_by_demangler(run))
            anchors[count++] = run;
    return anchors;
}

const struct anchor *glob_best_anchor(const struct anchor *anchors)
{
    const struct anchor *best = anchors;

    for (; anchors->bytes; anchors++)
        if (anchors->bytes > ANCHOR_MIN_BYTES)
            best = anchors;
    return best;
}
