/*
 * The forms of a symbol name that a glob may match: as it is, without what the
 * compiler hung on it, and demangled in several ways. Nothing here allocates.
 */
#ifndef MAPTRACE_RULES_SYMBOL_H
#define MAPTRACE_RULES_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

/* Longer mangled names are not demangled: the demangler's stack grows with them. */
#define SYMBOL_LIMIT 2048u
/* A demangled form that does not fit is no form. */
#define SYMBOL_FORM_BYTES 16384u

enum symbol_mangling { MANGLING_NONE, MANGLING_CXX, MANGLING_RUST };

enum symbol_mangling symbol_mangling(const char *name);

/* Bytes of NAME without its version (@V, @@V) and clone suffixes (.cold, .part.0, [clone .x]). */
size_t symbol_stem(const char *name);

enum symbol_form {
    FORM_PLAIN,     /* the name itself */
    FORM_STEM,      /* without version and clone suffixes */
    FORM_FULL,      /* demangled, with parameters and return type */
    FORM_NO_RETURN, /* without the return type of a template function; Rust: with hashes */
    FORM_BARE,      /* and without parameters; Rust: without trailing generic arguments */
    FORM_CLONE,     /* FORM_FULL, then ` [clone .SUFFIX]` for each clone suffix */
    FORM_COUNT
};

/* Writes a form of NAME into BUFFER, terminated. False if there is no such form or no room. */
bool symbol_write_form(const char *name, enum symbol_form form, char *buffer, size_t bytes);

#endif
