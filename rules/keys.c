/* What each key of a rule means. */
#include <stdio.h>
#include <string.h>

#include "rules/glob.h"
#include "rules/parser.h"
#include "rules/place.h"

struct key {
    const char *name;
    void (*set)(struct parser *parser, const struct key *key, char *value);
    unsigned argument; /* a role, or the offset of a field */
    bool repeats;
};

/* Like `through`, but then some such wrapper must be there. */
static const char via[] = "via";

static void set_glob(struct parser *parser, const struct key *key, char *value)
{
    char *text = parser_keep(parser, value);
    struct anchor *anchors = text ? glob_anchors(text, parser->arena) : NULL;

    if (!anchors) {
        parser->no_memory = true;
        return;
    }
    if (anchors->bytes == 0) {
        parser_fail(
            parser, parser->rule, parser->line,
            "the glob '%.200s' of [%s] fits too much: write out at least one name of %u characters "
            "or more that is no word of the language",
            value, parser->rule->name, ANCHOR_MIN_BYTES);
        return;
    }
    struct rule_glob *glob = parser_take(parser, sizeof *glob);
    if (!glob)
        return;
    glob->text = text;
    glob->anchors = anchors;
    glob->role = (enum rule_role)key->argument;
    parser->rule->wrapped |= key->name == via;
    *parser->last_glob = glob;
    parser->last_glob = &glob->next;
}

static void set_module(struct parser *parser, const struct key *key, char *value)
{
    struct rule_module *module = parser_take(parser, sizeof *module);
    struct rule_module **last = &parser->rule->modules;

    if (!module || !(module->text = parser_keep(parser, value)))
        return;
    module->only = key->argument;
    while (*last)
        last = &(*last)->next;
    *last = module;
}

static void set_text(struct parser *parser, const struct key *key, char *value)
{
    const char **field = (const char **)((char *)parser->rule + key->argument);
    const char *before = *field;

    if (!before) {
        *field = parser_keep(parser, value);
        return;
    }
    size_t bytes = strlen(before) + strlen(value) + 3;
    char *joined = parser_take(parser, bytes);
    if (joined) {
        snprintf(joined, bytes, "%s; %s", before, value);
        *field = joined;
    }
}

static void set_needs(struct parser *parser, const struct key *key, char *value)
{
    const char *name_end = value;

    while (identifier_character(*name_end))
        name_end++;
    if (name_end == value || *name_end != '=')
        parser_fail(parser, parser->rule, parser->line,
                    "'%.200s' is no NAME=VALUE that could stand in the environment", value);
    else
        set_text(parser, key, value);
}

static void set_place(struct parser *parser, const struct key *key, char *value)
{
    struct rule_place *place = (struct rule_place *)((char *)parser->rule + key->argument);

    if (place_parse(value, place) < 0)
        parser_fail(
            parser, parser->rule, parser->line,
            "'%.200s' is no place: write table+OFFSET or table+OFFSET:SIZE with SIZE 1, 2, 4 or "
            "8, and 1<< before it for a power of two",
            value);
    else if ((place == &parser->rule->old || place == &parser->rule->new) &&
             (place->size != 8 || place->power_of_two))
        parser_fail(parser, parser->rule, parser->line,
                    "'%s' holds an address: write table+OFFSET alone, not '%.200s'", key->name,
                    value);
}

static void set_min(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (size_parse(value, &parser->rule->min_bytes) < 0)
        parser_fail(parser, parser->rule, parser->line,
                    "'%.200s' is no size: write a number of bytes, as in 512, 64K or 1M", value);
}

static void set_sizes(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (sizes_parse(value, &parser->rule->sizes) < 0)
        parser_fail(parser, parser->rule, parser->line,
                    "'%.200s' says no sizes: write BASE+STEP*n or BASE+STEP*2^n, as in 8+144*n",
                    value);
}

static void set_kind(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (strcmp(value, "immediate") == 0)
        parser->rule->kind = RULE_IMMEDIATE;
    else if (strcmp(value, "incremental") == 0)
        parser->rule->kind = RULE_INCREMENTAL;
    else if (strcmp(value, "realloc") == 0)
        parser->rule->kind = RULE_REALLOC;
    else
        parser_fail(parser, parser->rule, parser->line,
                    "unknown kind '%.200s': write immediate, incremental or realloc", value);
}

static void set_hook(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (strcmp(value, "libstdcxx-prime") == 0)
        parser->rule->hook = HOOK_LIBSTDCXX_PRIME;
    else if (strcmp(value, "libcxx-prime") == 0)
        parser->rule->hook = HOOK_LIBCXX_PRIME;
    else
        parser_fail(parser, parser->rule, parser->line,
                    "unknown hook '%.200s': write libstdcxx-prime or libcxx-prime", value);
}

static void set_doubt(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    parser->rule->doubt = strcmp(value, "yes") == 0;
    if (!parser->rule->doubt)
        parser_fail(parser, parser->rule, parser->line, "'%.200s' as doubt: write yes", value);
}

static void set_call(struct parser *parser, const struct key *key, char *value)
{
    static const char *const names[] = {"malloc", "calloc", "realloc", "aligned", "new", "mmap"};
    unsigned calls = 0;
    char *rest = NULL;

    (void)key;
    for (char *word = strtok_r(value, " \t,", &rest); word; word = strtok_r(NULL, " \t,", &rest)) {
        unsigned i = 0;
        while (i < sizeof names / sizeof *names && strcmp(word, names[i]) != 0)
            i++;
        if (i == sizeof names / sizeof *names) {
            parser_fail(
                parser, parser->rule, parser->line,
                "unknown call '%.200s': write some of malloc, calloc, realloc, aligned, new, mmap",
                word);
            return;
        }
        calls |= 1u << i;
    }
    parser->rule->calls = calls;
}

#define FIELD(name) offsetof(struct rule, name)

static const struct key keys[] = {
    {"about", set_text, FIELD(about), true},
    {"kind", set_kind, 0, false},
    {"grow", set_glob, ROLE_GROW, true},
    {"retire", set_glob, ROLE_RETIRE, true},
    {"beneath", set_glob, ROLE_BENEATH, true},
    {"callee", set_glob, ROLE_CALLEE, true},
    {"through", set_glob, ROLE_THROUGH, true},
    {via, set_glob, ROLE_THROUGH, true},
    {"except", set_glob, ROLE_EXCEPT, true},
    {"sign", set_glob, ROLE_SIGN, true},
    {"module", set_module, true, true},
    {"program", set_module, false, true},
    {"call", set_call, 0, false},
    {"min", set_min, 0, false},
    {"size", set_sizes, 0, false},
    {"hook", set_hook, 0, false},
    {"old", set_place, FIELD(old), false},
    {"new", set_place, FIELD(new), false},
    {"moved", set_place, FIELD(moved), false},
    {"of", set_place, FIELD(of), false},
    {"needs", set_needs, FIELD(needs), false},
    {"heap", set_text, FIELD(heap), true},
    {"hint", set_text, FIELD(hint), true},
    {"doubt", set_doubt, 0, false},
    {"tested", set_text, FIELD(tested), true},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static void unknown_key(struct parser *parser, const char *name)
{
    char known[256];
    size_t used = 0;

    known[0] = '\0';
    for (size_t i = 0; i < KEY_COUNT; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, " %s", keys[i].name);
    parser_fail(parser, parser->rule, parser->line, "unknown key '%.60s' in [%s]; the keys are%s",
                name, parser->rule->name, known);
}

void keys_set(struct parser *parser, const char *name, char *value)
{
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (*name != *keys[i].name || strcmp(name, keys[i].name) != 0)
            continue;
        bool given = parser->keys_given & 1u << i;
        parser->keys_given |= 1u << i;
        if (*value == '\0')
            parser_fail(parser, parser->rule, parser->line, "'%s' has no value", name);
        else if (given && !keys[i].repeats)
            parser_fail(parser, parser->rule, parser->line, "'%s' stands twice in [%s]", name,
                        parser->rule->name);
        else
            keys[i].set(parser, &keys[i], value);
        return;
    }
    unknown_key(parser, name);
}
