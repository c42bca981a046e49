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
#include "rules/parser.h"

#define LINE_LIMIT 4096u
#define NAME_LIMIT 63u /* what a trace has room for */
#define ERROR_BYTES 512u
#define COMPLAINTS_LIMIT 100u /* a file that is no rule file must not flood anybody */

void *parser_take(struct parser *parser, size_t bytes)
{
    void *memory = parser->arena->take(parser->arena, bytes);

    if (!memory)
        parser->no_memory = true;
    return memory;
}

char *parser_keep(struct parser *parser, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = parser_take(parser, bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

void parser_fail(struct parser *parser, struct rule *rule, unsigned line, const char *format, ...)
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
        rule->error = parser_keep(parser, text);
    }
    if (parser->errors++ < (int)COMPLAINTS_LIMIT)
        parser->complain(parser->context, text);
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
        parser_fail(parser, rule, rule->line, "[%s] is here twice; it stands in line %u already",
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
        parser_fail(parser, rule, rule->line,
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
        parser_fail(parser, NULL, parser->line, "a rule begins with [name]; here the ] is missing");
        return;
    }
    header[bytes - 1] = '\0';
    if (!legal_name(header + 1)) {
        parser_fail(parser, NULL, parser->line,
                    "bad rule name '%.80s': write 1 to %u letters, digits, - _ . or +", header + 1,
                    NAME_LIMIT);
        return;
    }
    struct rule *rule = parser_take(parser, sizeof *rule);
    char *name = parser_keep(parser, header + 1);
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
        parser_fail(parser, parser->rule, parser->line,
                    "'%.80s' is neither [name] nor key = value nor a # comment", line);
        return;
    }
    if (!parser->rule) {
        parser_fail(parser, NULL, parser->line, "a key before the first [name]");
        return;
    }
    *equals = '\0';
    keys_set(parser, trim(line), trim(equals + 1));
}

int rules_parse(struct rule_set *set, const char *text, size_t bytes, const char *file, bool user,
                struct rule_arena *arena, rule_complain *complain, void *context)
{
    struct parser parser = {
        .set = set, .arena = arena, .complain = complain, .context = context, .user = user};
    const char *end = text + bytes;
    char line[LINE_LIMIT + 1];

    parser.file = parser_keep(&parser, file);
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end && !parser.no_memory) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);

        parser.line++;
        if (length > LINE_LIMIT) {
            parser_fail(&parser, parser.rule, parser.line, "a line of more than %u bytes",
                        LINE_LIMIT);
        } else if (memchr(text, '\0', length)) {
            parser_fail(&parser, parser.rule, parser.line, "a NUL byte: this is no text");
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
