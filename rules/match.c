/*
 * Which globs match a symbol. One pass over the name looks for anchors by
 * their first three characters in a bitmap of hashes, which rejects nearly
 * every name; only a name that holds an anchor is brought into its other forms.
 */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "rules/glob.h"
#include "rules/rule.h"
#include "rules/symbol.h"

#define FILTER_BITS 13u
#define BUCKET_BITS 10u
#define NO_ENTRY UINT32_MAX
/* Keeps the set of hits, which is on the stack, at 8 KiB. */
#define ENTRIES_LIMIT 65536u

struct entry {
    struct rule *rule;
    const struct rule_glob *glob;
    struct anchor anchor;  /* the one that is looked up */
    struct anchor leading; /* what a name must begin with; bytes is 0 if that is open */
    bool path;             /* could match a Rust path: has `::` or a wildcard */
};

/* An entry's link in its bucket, and the first three characters of its anchor. */
struct link {
    uint32_t gram, next;
};

struct rule_matcher {
    uint64_t filter[(1u << FILTER_BITS) / 64];
    uint32_t buckets[1u << BUCKET_BITS];
    struct entry *entries;
    struct link *links; /* one for each entry */
    uint32_t count;
};

static uint32_t gram_at(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;

    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16;
}

static uint32_t gram_hash(uint32_t gram)
{
    return gram * 0x9e3779b1u >> (32 - FILTER_BITS);
}

/*
 * Of the ANCHORS of GLOB, the one that it begins with. Not if there is a space in
 * the glob: the anchor might be that of a return type.
 */
static struct anchor leading_anchor(const char *glob, const struct anchor *anchors)
{
    if (anchors->text == glob && !strchr(glob, ' '))
        return *anchors;
    return (struct anchor){.text = glob};
}

static void add(struct rule_matcher *matcher, struct rule *rule, const struct rule_glob *glob)
{
    const struct anchor *anchor = glob_best_anchor(glob->anchors);
    uint32_t gram = gram_at(anchor->text), hash = gram_hash(gram);
    uint32_t *bucket = &matcher->buckets[hash >> (FILTER_BITS - BUCKET_BITS)];

    matcher->entries[matcher->count] = (struct entry){
        .rule = rule,
        .glob = glob,
        .anchor = *anchor,
        .leading = leading_anchor(glob->text, glob->anchors),
        .path = glob->text[strcspn(glob->text, ":*?")] != '\0',
    };
    matcher->links[matcher->count] = (struct link){gram, *bucket};
    matcher->filter[hash / 64] |= 1ull << (hash % 64);
    *bucket = matcher->count++;
}

struct rule_matcher *rules_matcher(const struct rule_set *set, struct rule_arena *arena)
{
    size_t globs = 0;

    for (const struct rule *rule = set->first; rule; rule = rule->next) {
        for (const struct rule_glob *glob = rule->globs; glob && !rule->broken; glob = glob->next)
            globs++;
    }
    if (globs > ENTRIES_LIMIT)
        return NULL;
    struct rule_matcher *matcher = arena->take(arena, sizeof *matcher);
    struct entry *entries = arena->take(arena, (globs + 1) * sizeof *entries);
    struct link *links = arena->take(arena, (globs + 1) * sizeof *links);
    if (!matcher || !entries || !links)
        return NULL;
    matcher->entries = entries;
    matcher->links = links;
    memset(matcher->buckets, 0xff, sizeof matcher->buckets);
    for (struct rule *rule = set->first; rule; rule = rule->next) {
        for (const struct rule_glob *glob = rule->globs; glob && !rule->broken; glob = glob->next)
            add(matcher, rule, glob);
    }
    return matcher;
}

/* True if the digits before AT say that an identifier of BYTES begins there. */
static bool counted(const char *name, size_t at, size_t bytes)
{
    for (; bytes; bytes /= 10) {
        if (at == 0 || name[--at] != (char)('0' + bytes % 10))
            return false;
    }
    return true;
}

static bool digit(char character)
{
    return character >= '0' && character <= '9';
}

/*
 * The anchor stands in NAME at AT; could the identifier there be the glob's? In
 * mangled names its length stands before it; legacy Rust writes what is no
 * identifier in C++ as $LT$ into it, and v0 sets its length off with `_`. A glob
 * may also be written mangled, and then its anchor begins at the name's start.
 */
static bool fits(const struct anchor *anchor, enum symbol_mangling mangling, const char *name,
                 size_t at)
{
    if (at == 0 || (mangling != MANGLING_NONE && !anchor->begins))
        return true;
    char before = name[at - 1];
    bool whole = anchor->begins && anchor->ends;
    switch (mangling) {
    case MANGLING_CXX:
        return whole ? counted(name, at, anchor->bytes) : digit(before);
    case MANGLING_RUST:
        if (name[1] != 'R')
            return digit(before) || !identifier_character(before);
        if (before == '_')
            before = name[--at - 1];
        return whole ? counted(name, at, anchor->bytes) : digit(before);
    default:
        return !(anchor->begins && identifier_character(before)) &&
               !(anchor->ends && identifier_character(name[at + anchor->bytes]));
    }
}

/* Could NAME, demangled, begin with what the glob begins with? */
static bool leads(const struct entry *entry, enum symbol_mangling mangling, const char *name)
{
    const struct anchor *anchor = &entry->leading;

    if (mangling == MANGLING_RUST && !entry->path)
        return false;
    if (anchor->bytes == 0 || strncmp(name, anchor->text, anchor->bytes) == 0)
        return true;
    if (mangling != MANGLING_CXX)
        return mangling == MANGLING_RUST;
    /* Local, nested, static, and qualifiers: then the first identifier. */
    size_t at = 2 + strspn(name + 2, "ZNLrVKRO");
    at += strspn(name + at, "0123456789");
    return strncmp(name + at, anchor->text, anchor->bytes) == 0 && fits(anchor, mangling, name, at);
}

/* True if every anchor of the glob stands somewhere in NAME. */
static bool holds_all(const struct entry *entry, enum symbol_mangling mangling, const char *name,
                      size_t bytes)
{
    for (const struct anchor *anchor = entry->glob->anchors; anchor->bytes; anchor++) {
        const char *at = name;
        do {
            at = memmem(at, (size_t)(name + bytes - at), anchor->text, anchor->bytes);
            if (!at)
                return false;
        } while (!fits(anchor, mangling, name, (size_t)(at++ - name)));
    }
    return true;
}

/*
 * The first entry, from the LINK on that a bucket or an entry gave, whose anchor
 * stands in NAME at AT; NO_ENTRY if there is none.
 */
static uint32_t next_at(const struct rule_matcher *matcher, uint32_t link, const char *name,
                        size_t bytes, size_t at)
{
    uint32_t gram = gram_at(name + at);

    for (; link != NO_ENTRY; link = matcher->links[link].next) {
        const struct anchor *anchor = &matcher->entries[link].anchor;
        if (matcher->links[link].gram == gram && anchor->bytes <= bytes - at &&
            memcmp(name + at, anchor->text, anchor->bytes) == 0)
            break;
    }
    return link;
}

/* The first entry whose anchor stands in NAME at *AT or the nearest place after that. */
static uint32_t next_anchor(const struct rule_matcher *matcher, const char *name, size_t bytes,
                            size_t *at)
{
    for (; *at + ANCHOR_MIN_BYTES <= bytes; ++*at) {
        uint32_t hash = gram_hash(gram_at(name + *at));
        if (!(matcher->filter[hash / 64] >> (hash % 64) & 1))
            continue;
        uint32_t link = matcher->buckets[hash >> (FILTER_BITS - BUCKET_BITS)];
        link = next_at(matcher, link, name, bytes, *at);
        if (link != NO_ENTRY)
            return link;
    }
    return NO_ENTRY;
}

/*
 * From AT on, sets a bit in HITS for every entry whose anchors all stand in
 * NAME. Returns how many.
 */
static unsigned collect(const struct rule_matcher *matcher, const char *name, size_t bytes,
                        size_t at, enum symbol_mangling mangling, uint64_t *hits)
{
    unsigned count = 0;
    uint32_t index;

    for (; (index = next_anchor(matcher, name, bytes, &at)) != NO_ENTRY; at++) {
        do {
            const struct entry *entry = &matcher->entries[index];
            if (!(hits[index / 64] >> (index % 64) & 1) &&
                fits(&entry->anchor, mangling, name, at) && leads(entry, mangling, name) &&
                holds_all(entry, mangling, name, bytes)) {
                hits[index / 64] |= 1ull << (index % 64);
                count++;
            }
            index = next_at(matcher, matcher->links[index].next, name, bytes, at);
        } while (index != NO_ENTRY);
    }
    return count;
}

/* Reports the hits that match TEXT, and takes them out. */
static unsigned hold(const struct rule_matcher *matcher, const char *text, uint64_t *hits,
                     rule_found *found, void *context)
{
    unsigned matches = 0;

    for (size_t word = 0; word <= matcher->count / 64; word++) {
        for (uint64_t bits = hits[word]; bits; bits &= bits - 1) {
            const struct entry *entry =
                &matcher->entries[word * 64 + (size_t)__builtin_ctzll(bits)];
            if (!rules_glob(entry->glob->text, text))
                continue;
            hits[word] &= ~(bits & -bits);
            found(context, entry->rule, entry->glob);
            matches++;
        }
    }
    return matches;
}

/* The slow way, for names that hold an anchor; apart, for its large frame. */
__attribute__((noinline)) static unsigned match_from(const struct rule_matcher *matcher,
                                                     const char *name, size_t bytes, size_t at,
                                                     rule_found *found, void *context)
{
    size_t words = matcher->count / 64 + 1;
    uint64_t hits[words];
    enum symbol_mangling mangling = symbol_mangling(name);
    char text[SYMBOL_FORM_BYTES];
    unsigned matches = 0;

    memset(hits, 0, words * sizeof *hits);
    unsigned left = collect(matcher, name, bytes, at, mangling, hits);
    for (enum symbol_form form = FORM_PLAIN; form < FORM_COUNT && left > matches; form++) {
        if (form > FORM_STEM && mangling == MANGLING_NONE)
            break;
        if (symbol_write_form(name, form, text, sizeof text))
            matches += hold(matcher, text, hits, found, context);
    }
    return matches;
}

unsigned rules_match(const struct rule_matcher *matcher, const char *name, rule_found *found,
                     void *context)
{
    size_t bytes = strlen(name), at = 0;

    if (next_anchor(matcher, name, bytes, &at) == NO_ENTRY)
        return 0;
    return match_from(matcher, name, bytes, at, found, context);
}

bool rules_could_match(const struct rule_matcher *matcher, const char *name)
{
    size_t at = 0;

    return next_anchor(matcher, name, strlen(name), &at) != NO_ENTRY;
}
