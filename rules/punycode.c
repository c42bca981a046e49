/*
 * A walk over the grammar of Rust's v0 mangling: nothing less tells a `u` that
 * announces punycode from the type `u` and from the end of an identifier.
 */
#include "rules/punycode.h"

#include <stddef.h>
#include <string.h>

#define DEPTH_LIMIT 300

struct walk {
    const char *at;
    int depth;
    bool refused; /* punycode, or not understood: the walk stops making progress */
};

static void walk_path(struct walk *walk);
static void walk_type(struct walk *walk);

static bool eat(struct walk *walk, char tag)
{
    if (walk->refused || *walk->at != tag)
        return false;
    walk->at++;
    return true;
}

/* For lists: true once, at the E that ends them, and when there is no going on. */
static bool ended(struct walk *walk)
{
    return walk->refused || eat(walk, 'E');
}

static void refuse(struct walk *walk)
{
    walk->refused = true;
}

static bool enter(struct walk *walk)
{
    if (++walk->depth > DEPTH_LIMIT)
        refuse(walk);
    return !walk->refused;
}

/* Base 62 numbers and the hexadecimal digits of constants end with `_`. */
static void skip_number(struct walk *walk)
{
    const char *end = strchr(walk->at, '_');

    if (end)
        walk->at = end + 1;
    else
        refuse(walk);
}

static void skip_tagged(struct walk *walk, char tag)
{
    if (eat(walk, tag))
        skip_number(walk);
}

static void skip_name(struct walk *walk)
{
    size_t length = 0;

    if (*walk->at < '0' || *walk->at > '9') { /* `u` above all */
        refuse(walk);
        return;
    }
    if (!eat(walk, '0')) {
        while (*walk->at >= '0' && *walk->at <= '9' && length < 100000)
            length = length * 10 + (size_t)(*walk->at++ - '0');
    }
    eat(walk, '_');
    if (strnlen(walk->at, length) < length)
        refuse(walk);
    else
        walk->at += length;
}

static void skip_identifier(struct walk *walk)
{
    skip_tagged(walk, 's');
    if (!walk->refused)
        skip_name(walk);
}

static void walk_const(struct walk *walk)
{
    if (eat(walk, 'B')) {
        skip_number(walk);
    } else if (!eat(walk, 'p')) {
        walk_type(walk);
        if (!walk->refused)
            skip_number(walk);
    }
}

static void walk_generics(struct walk *walk)
{
    while (!ended(walk)) {
        if (eat(walk, 'L'))
            skip_number(walk);
        else if (eat(walk, 'K'))
            walk_const(walk);
        else
            walk_type(walk);
    }
}

static void walk_function(struct walk *walk)
{
    skip_tagged(walk, 'G');
    eat(walk, 'U');
    if (eat(walk, 'K') && !eat(walk, 'C'))
        skip_name(walk);
    while (!ended(walk))
        walk_type(walk);
    walk_type(walk);
}

static void walk_bounds(struct walk *walk)
{
    skip_tagged(walk, 'G');
    while (!ended(walk)) {
        walk_path(walk);
        while (eat(walk, 'p')) {
            skip_name(walk);
            walk_type(walk);
        }
    }
    skip_tagged(walk, 'L');
}

static void walk_type(struct walk *walk)
{
    char tag = *walk->at;

    if (!enter(walk))
        return;
    if (tag >= 'a' && tag <= 'z') {
        walk->at++;
    } else if (tag && strchr("ASTRQPOFD", tag)) {
        walk->at++;
        if (tag == 'R' || tag == 'Q')
            skip_tagged(walk, 'L');
        if (tag == 'T') {
            while (!ended(walk))
                walk_type(walk);
        } else if (tag == 'F') {
            walk_function(walk);
        } else if (tag == 'D') {
            walk_bounds(walk);
        } else {
            walk_type(walk);
        }
        if (tag == 'A' && !walk->refused)
            walk_const(walk);
    } else {
        walk_path(walk);
    }
    walk->depth--;
}

static void walk_path(struct walk *walk)
{
    if (!enter(walk))
        return;
    char tag = *walk->at++;
    switch (tag) {
    case 'C':
        skip_identifier(walk);
        break;
    case 'M':
    case 'X':
        skip_tagged(walk, 's');
        walk_path(walk);
        walk_type(walk);
        if (tag == 'X')
            walk_path(walk);
        break;
    case 'Y':
        walk_type(walk);
        walk_path(walk);
        break;
    case 'N':
        if (*walk->at)
            walk->at++; /* the namespace */
        walk_path(walk);
        if (!walk->refused)
            skip_identifier(walk);
        break;
    case 'I':
        walk_path(walk);
        walk_generics(walk);
        break;
    case 'B':
        skip_number(walk);
        break;
    default:
        refuse(walk);
    }
    walk->depth--;
}

bool punycode_possible(const char *mangled)
{
    struct walk walk = {.at = mangled + 2};

    walk_path(&walk);
    /* What may follow is the crate that asked for the instance. */
    if (!walk.refused && *walk.at >= 'A' && *walk.at <= 'Z')
        walk_path(&walk);
    return walk.refused;
}
