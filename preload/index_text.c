#include "index_text.h"

#include <stdlib.h>
#include <string.h>

#include "../indexer/report_header.h"
#include "modules.h"

#define LAST_LINE "end\n"

static bool read_role(const char *word, size_t length, enum rule_role *role)
{
    static const char *const names[ROLE_COUNT] = {"grow",   "retire", "beneath", "through",
                                                  "except", "sign",   "callee"};

    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0) {
            *role = (enum rule_role)i;
            return true;
        }
    return false;
}

static bool is_word(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

void index_text_note(struct module *module, const char *text, size_t length)
{
    if (length >= sizeof module->note)
        length = sizeof module->note - 1;
    if (!*module->note)
        memcpy(module->note, text, length);
}

/* The hexadecimal number at *AT, which is moved behind it and the blank that follows. */
static bool read_number(const char **at, const char *end, uintptr_t *number)
{
    char *after;

    if (*at >= end || !**at || !strchr("0123456789abcdef", **at))
        return false;
    *number = strtoul(*at, &after, 16);
    *at = after + (*after == ' ');
    return true;
}

/* `LOW HIGH HASH ADDRESS...`, or for an ENTRY `LOW HIGH HASH ADDRESS BYTES OPERAND...`. */
static void read_calls(const char *at, const char *end, bool entry, const struct index_sink *sink)
{
    uintptr_t low, high, hash, address, number = 0;

    if (!read_number(&at, end, &low) || !read_number(&at, end, &high) || low >= high ||
        !read_number(&at, end, &hash))
        return;
    if (entry && (!read_number(&at, end, &address) || !read_number(&at, end, &number)))
        return;
    sink->calls(sink->context, low, high, hash);
    if (entry)
        sink->entry(sink->context, address, (uint32_t)number);
    while (read_number(&at, end, &number))
        if (entry)
            sink->operand(sink->context, (uint32_t)number);
        else
            sink->call(sink->context, number);
}

/*
 * `range LOW HIGH RULE ROLE KIND NAME`, `calls ...`, `entry ...`, `note TEXT`, `error TEXT`.
 * Symbols of the file itself are known without an index.
 */
static void read_line(struct module *module, const char *line, size_t length,
                      const struct index_sink *sink)
{
    static const char *const notes[] = {"note ", "error "};

    const char *words[6];
    size_t lengths[6];
    unsigned count = 0;
    char rule[64];
    enum rule_role role;

    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        size_t skip = strlen(notes[i]);
        if (length > skip && memcmp(line, notes[i], skip) == 0)
            index_text_note(module, line + skip, length - skip);
    }
    if (length > 6 && (memcmp(line, "calls ", 6) == 0 || memcmp(line, "entry ", 6) == 0))
        read_calls(line + 6, line + length, *line == 'e', sink);
    for (size_t at = 0; at < length && count < 6; count++) {
        size_t end = at;

        while (end < length && line[end] != ' ')
            end++;
        words[count] = line + at;
        lengths[count] = end - at;
        at = end + 1;
    }
    if (count < 6 || !is_word(words[0], lengths[0], "range") || lengths[3] >= sizeof rule ||
        !read_role(words[4], lengths[4], &role) || is_word(words[5], lengths[5], "symbol") ||
        is_word(words[5], lengths[5], "dynamic"))
        return;
    memcpy(rule, words[3], lengths[3]);
    rule[lengths[3]] = 0;
    uintptr_t low, high;
    if (read_number(&words[1], line + length, &low) &&
        read_number(&words[2], line + length, &high) && low < high)
        sink->range(sink->context, low, high, rule, role);
}

bool index_text_read(const char *text, size_t bytes, struct module *module,
                     const struct index_sink *sink)
{
    const char *end = text + bytes;
    size_t header = strlen(REPORT_HEADER), last = strlen(LAST_LINE);

    /* Numbers are read up to what is none: the last line is what stops them, if nothing else. */
    if (bytes < header + last || memcmp(text, REPORT_HEADER, header) != 0 ||
        memcmp(end - last, LAST_LINE, last) != 0)
        return false;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        read_line(module, line, (size_t)(stop - line), sink);
        line = stop + 1;
    }
    return true;
}
