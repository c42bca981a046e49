/*
 * Rule text into rules, line by line. A rule is built aside and takes its place
 * in the set when its last line has been read, so that a rule of the same name
 * is replaced whole or not at all.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/glob.h"
#include "rules/place.h"
#include "rules/rule.h"

#define LINE_LIMIT 4096u
#define NAME_LIMIT 63u /* what a trace has room for */
#define ERROR_BYTES 512u
#define COMPLAINTS_LIMIT 100u /* a file that is no rule file must not flood anybody */

struct parser {
    struct rule_set *set;
    struct rule_arena *arena;
    rule_complain *complain;
    void *context;
    const char *file;
    unsigned line;
    bool user;
    bool no_memory;
    int errors;
    struct rule *rule;   /* being built; NULL before the first */
    bool unnamed;        /* below a header that could not be read: one error is enough */
    unsigned keys_given; /* bit per entry of `keys` */
    struct rule_glob **last_glob;
};

static void *take(struct parser *parser, size_t bytes)
{
    void *memory = parser->arena->take(parser->arena, bytes);

    if (!memory)
        parser->no_memory = true;
    return memory;
}

static char *keep(struct parser *parser, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = take(parser, bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

/* Complains about LINE, and marks RULE (if any) broken. */
__attribute__((format(printf, 4, 5))) static void fail(struct parser *parser, struct rule *rule,
                                                       unsigned line, const char *format, ...)
{
    char text[ERROR_BYTES];
    int used = snprintf(text, sizeof text, "%.200s:%u: ", parser->file, line);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *byte = text; *byte; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7f)
            *byte = '?';
    }
    if (rule && !rule->broken) {
        rule->broken = true;
        rule->error = keep(parser, text);
    }
    if (parser->errors++ < (int)COMPLAINTS_LIMIT)
        parser->complain(parser->context, text);
}

/* --- keys ------------------------------------------------------------------ */

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
    struct anchor anchor = glob_anchor(value);

    if (anchor.bytes == 0) {
        fail(
            parser, parser->rule, parser->line,
            "the glob '%.200s' of [%s] fits too much: write out at least one name of %u characters "
            "or more that is no word of the language",
            value, parser->rule->name, ANCHOR_MIN_BYTES);
        return;
    }
    struct rule_glob *glob = take(parser, sizeof *glob);
    char *text = keep(parser, value);
    if (!glob || !text)
        return;
    glob->text = text;
    glob->anchor = text + (anchor.text - value);
    glob->anchor_bytes = (uint32_t)anchor.bytes;
    glob->role = (enum rule_role)key->argument;
    parser->rule->wrapped |= key->name == via;
    *parser->last_glob = glob;
    parser->last_glob = &glob->next;
}

static void set_module(struct parser *parser, const struct key *key, char *value)
{
    struct rule_module *module = take(parser, sizeof *module);
    struct rule_module **last = &parser->rule->modules;

    if (!module || !(module->text = keep(parser, value)))
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
        *field = keep(parser, value);
        return;
    }
    size_t bytes = strlen(before) + strlen(value) + 3;
    char *joined = take(parser, bytes);
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
        fail(parser, parser->rule, parser->line,
             "'%.200s' is no NAME=VALUE that could stand in the environment", value);
    else
        set_text(parser, key, value);
}

static void set_place(struct parser *parser, const struct key *key, char *value)
{
    struct rule_place *place = (struct rule_place *)((char *)parser->rule + key->argument);

    if (place_parse(value, place) < 0)
        fail(parser, parser->rule, parser->line,
             "'%.200s' is no place: write table+OFFSET or table+OFFSET:SIZE with SIZE 1, 2, 4 or "
             "8, and 1<< before it for a power of two",
             value);
    else if ((place == &parser->rule->old || place == &parser->rule->new) &&
             (place->size != 8 || place->power_of_two))
        fail(parser, parser->rule, parser->line,
             "'%s' holds an address: write table+OFFSET alone, not '%.200s'", key->name, value);
}

static void set_min(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (size_parse(value, &parser->rule->min_bytes) < 0)
        fail(parser, parser->rule, parser->line,
             "'%.200s' is no size: write a number of bytes, as in 512, 64K or 1M", value);
}

static void set_sizes(struct parser *parser, const struct key *key, char *value)
{
    (void)key;
    if (sizes_parse(value, &parser->rule->sizes) < 0)
        fail(parser, parser->rule, parser->line,
             "'%.200s' says no sizes: write BASE+STEP*n or BASE+STEP*2^n, as in 8+144*n", value);
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
        fail(parser, parser->rule, parser->line,
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
        fail(parser, parser->rule, parser->line,
             "unknown hook '%.200s': write libstdcxx-prime or libcxx-prime", value);
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
            fail(parser, parser->rule, parser->line,
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
    fail(parser, parser->rule, parser->line, "unknown key '%.60s' in [%s]; the keys are%s", name,
         parser->rule->name, known);
}

static void set_key(struct parser *parser, const char *name, char *value)
{
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (strcmp(name, keys[i].name) != 0)
            continue;
        bool given = parser->keys_given & 1u << i;
        parser->keys_given |= 1u << i;
        if (*value == '\0')
            fail(parser, parser->rule, parser->line, "'%s' has no value", name);
        else if (given && !keys[i].repeats)
            fail(parser, parser->rule, parser->line, "'%s' stands twice in [%s]", name,
                 parser->rule->name);
        else
            keys[i].set(parser, &keys[i], value);
        return;
    }
    unknown_key(parser, name);
}

/* --- rules ----------------------------------------------------------------- */

/* Puts RULE into the set: at its end, or in the place of a rule of the same name. */
static void enter(struct parser *parser, struct rule *rule)
{
    struct rule_set *set = parser->set;
    struct rule *known = set->first;

    while (known && strcmp(known->name, rule->name) != 0)
        known = known->next;
    if (!known) {
        rule->index = set->count++;
        *(set->last ? &set->last->next : &set->first) = rule;
        set->last = rule;
        return;
    }
    if (known->file == rule->file)
        fail(parser, rule, rule->line, "[%s] is here twice; it stands in line %u already",
             rule->name, known->line);
    rule->index = known->index;
    rule->next = known->next;
    *known = *rule;
}

static void finish_rule(struct parser *parser)
{
    struct rule *rule = parser->rule;

    parser->rule = NULL;
    if (!rule || parser->no_memory)
        return;
    bool grows = false;
    for (const struct rule_glob *glob = rule->globs; glob; glob = glob->next)
        grows |= glob->role == ROLE_GROW;
    /* A grow glob that was refused has been complained about. */
    if (!grows && !rule->broken)
        fail(parser, rule, rule->line,
             "[%s] has no 'grow': name the function that allocates its arrays", rule->name);
    enter(parser, rule);
}

static bool legal_name(const char *name)
{
    size_t bytes = 0;

    while (identifier_character(name[bytes]) || (name[bytes] && strchr("-.+", name[bytes])))
        bytes++;
    return name[bytes] == '\0' && bytes > 0 && bytes <= NAME_LIMIT;
}

static void begin_rule(struct parser *parser, char *header)
{
    size_t bytes = strlen(header);

    finish_rule(parser);
    parser->unnamed = true;
    if (header[bytes - 1] != ']') {
        fail(parser, NULL, parser->line, "a rule begins with [name]; here the ] is missing");
        return;
    }
    header[bytes - 1] = '\0';
    if (!legal_name(header + 1)) {
        fail(parser, NULL, parser->line,
             "bad rule name '%.80s': write 1 to %u letters, digits, - _ . or +", header + 1,
             NAME_LIMIT);
        return;
    }
    struct rule *rule = take(parser, sizeof *rule);
    char *name = keep(parser, header + 1);
    if (!rule || !name)
        return;
    rule->name = name;
    rule->calls = CALL_ANY;
    rule->user = parser->user;
    rule->file = parser->file;
    rule->line = parser->line;
    parser->rule = rule;
    parser->unnamed = false;
    parser->keys_given = 0;
    parser->last_glob = &rule->globs;
}

/* --- lines ----------------------------------------------------------------- */

static bool blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\f' ||
           character == '\v';
}

/* Cuts the white space off both ends, and returns where the text begins. */
static char *trim(char *line)
{
    char *end = line + strlen(line);

    while (end > line && blank(end[-1]))
        end--;
    *end = '\0';
    while (blank(*line))
        line++;
    return line;
}

/* A # in the middle of a word, as in {lambda()#1}, begins no comment. */
static void cut_comment(char *line)
{
    for (char *hash = line; (hash = strchr(hash, '#')); hash++) {
        if (hash == line || blank(hash[-1])) {
            *hash = '\0';
            return;
        }
    }
}

static void parse_line(struct parser *parser, char *line)
{
    cut_comment(line);
    line = trim(line);
    if (*line == '\0')
        return;
    if (*line == '[') {
        begin_rule(parser, line);
        return;
    }
    if (parser->unnamed)
        return;
    char *equals = strchr(line, '=');
    if (!equals) {
        fail(parser, parser->rule, parser->line,
             "'%.80s' is neither [name] nor key = value nor a # comment", line);
        return;
    }
    if (!parser->rule) {
        fail(parser, NULL, parser->line, "a key before the first [name]");
        return;
    }
    *equals = '\0';
    set_key(parser, trim(line), trim(equals + 1));
}

int rules_parse(struct rule_set *set, const char *text, size_t bytes, const char *file, bool user,
                struct rule_arena *arena, rule_complain *complain, void *context)
{
    struct parser parser = {
        .set = set, .arena = arena, .complain = complain, .context = context, .user = user};
    const char *end = text + bytes;
    char line[LINE_LIMIT + 1];

    parser.file = keep(&parser, file);
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end && !parser.no_memory) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);

        parser.line++;
        if (length > LINE_LIMIT) {
            fail(&parser, parser.rule, parser.line, "a line of more than %u bytes", LINE_LIMIT);
        } else if (memchr(text, '\0', length)) {
            fail(&parser, parser.rule, parser.line, "a NUL byte: this is no text");
        } else {
            memcpy(line, text, length);
            line[length] = '\0';
            parse_line(&parser, line);
        }
        text += length + (newline != NULL);
    }
    finish_rule(&parser);
    if (parser.no_memory)
        return -ENOMEM;
    if (parser.errors > (int)COMPLAINTS_LIMIT) {
        char last[ERROR_BYTES];
        snprintf(last, sizeof last, "%.200s:%u: %d more errors above this line", parser.file,
                 parser.line, parser.errors - (int)COMPLAINTS_LIMIT);
        complain(context, last);
    }
    return parser.errors;
}
