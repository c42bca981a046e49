/*
 * Which globs match a symbol. One pass over the name looks for anchors by
 * their first three characters in a bitmap of hashes, which rejects nearly
 * every name; only a name that holds an anchor is brought into its other forms.
 */
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
    struct anchor anchor;
    uint32_t next; /* in its bucket */
};

struct rule_matcher {
    uint64_t filter[(1u << FILTER_BITS) / 64];
    uint32_t buckets[1u << BUCKET_BITS];
    struct entry *entries;
    uint32_t count;
};

static uint32_t gram_hash(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    uint32_t gram = byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16;

    return (gram * 0x9e3779b1u) >> (32 - FILTER_BITS);
}

static void add(struct rule_matcher *matcher, struct rule *rule, const struct rule_glob *glob)
{
    struct entry *entry = &matcher->entries[matcher->count];
    struct anchor anchor = glob_anchor(glob->text);
    uint32_t hash = gram_hash(anchor.text);
    uint32_t *bucket = &matcher->buckets[hash >> (FILTER_BITS - BUCKET_BITS)];

    *entry = (struct entry){.rule = rule, .glob = glob, .anchor = anchor, .next = *bucket};
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
    if (!matcher || !entries)
        return NULL;
    matcher->entries = entries;
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

/*
 * The anchor stands in NAME at AT; could the identifier there be the glob's? A
 * mangled C++ name has the length of every identifier before it. A glob may
 * also be written mangled, and then its anchor begins at the name's start.
 */
static bool fits(const struct anchor *anchor, enum symbol_mangling mangling, const char *name,
                 size_t at)
{
    char before = at ? name[at - 1] : '\0', after = name[at + anchor->bytes];

    if (mangling == MANGLING_RUST || at == 0)
        return true;
    if (mangling == MANGLING_CXX) {
        if (anchor->begins && anchor->ends)
            return counted(name, at, anchor->bytes);
        return !anchor->begins || (before >= '0' && before <= '9');
    }
    return !(anchor->begins && identifier_character(before)) &&
           !(anchor->ends && identifier_character(after));
}

/* Sets a bit in HITS for every entry whose anchor stands in NAME. */
static bool scan(const struct rule_matcher *matcher, const char *name, size_t bytes,
                 enum symbol_mangling mangling, uint64_t *hits)
{
    bool any = false;

    for (size_t at = 0; at + ANCHOR_MIN_BYTES <= bytes; at++) {
        uint32_t hash = gram_hash(name + at);
        if (!(matcher->filter[hash / 64] >> (hash % 64) & 1))
            continue;
        uint32_t index = matcher->buckets[hash >> (FILTER_BITS - BUCKET_BITS)];
        for (; index != NO_ENTRY; index = matcher->entries[index].next) {
            const struct anchor *anchor = &matcher->entries[index].anchor;
            if (anchor->bytes <= bytes - at &&
                memcmp(name + at, anchor->text, anchor->bytes) == 0 &&
                fits(anchor, mangling, name, at)) {
                hits[index / 64] |= 1ull << (index % 64);
                any = true;
            }
        }
    }
    return any;
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

unsigned rules_match(const struct rule_matcher *matcher, const char *name, rule_found *found,
                     void *context)
{
    size_t words = matcher->count / 64 + 1;
    uint64_t hits[words];
    enum symbol_mangling mangling = symbol_mangling(name);
    char text[SYMBOL_FORM_BYTES];
    unsigned matches = 0;

    memset(hits, 0, words * sizeof *hits);
    if (!scan(matcher, name, strlen(name), mangling, hits))
        return 0;
    for (enum symbol_form form = FORM_PLAIN; form < FORM_COUNT; form++) {
        if (form > FORM_STEM && mangling == MANGLING_NONE)
            break;
        if (symbol_write_form(name, form, text, sizeof text))
            matches += hold(matcher, text, hits, found, context);
    }
    return matches;
}
