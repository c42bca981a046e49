#define _GNU_SOURCE /* memrchr */
#include "analyzer/shorten.h"

#include <stdbool.h>
#include <string.h>

#define ELLIPSIS "..."

/* Bytes of the operator name at TEXT, whose brackets are none: `operator<<`, `operator()`. */
static size_t operator_name(const char *text)
{
    const char word[] = "operator";
    size_t length = strlen(word);
    if (strncmp(text, word, length) != 0)
        return 0;
    if (strncmp(text + length, "()", 2) == 0)
        return length + 2;
    return length + strspn(text + length, "<>=-+*/%^&|!~,[]");
}

/* The bracket that closes the one at OPEN, or NULL. */
static char *closing(char *open)
{
    int depth = 0;
    for (char *at = open; *at; at++) {
        size_t skip = operator_name(at);
        if (skip > 0) {
            at += skip - 1;
            continue;
        }
        if (*at == '-' && at[1] == '>')
            at++;
        else if (*at == '(' || *at == '<' || *at == '[' || *at == '{')
            depth++;
        else if ((*at == ')' || *at == '>' || *at == ']' || *at == '}') && --depth == 0)
            return at;
    }
    return NULL;
}

/* Replaces what stands in outermost brackets that begin with OPEN. */
static void empty_brackets(char *name, char open)
{
    for (char *at = name; *at; at++) {
        size_t skip = operator_name(at);
        if (skip > 0) {
            at += skip - 1;
            continue;
        }
        if (*at != '(' && *at != '<' && *at != '[' && *at != '{')
            continue;
        char *end = closing(at);
        if (!end)
            return;
        /* Rust and unnamed namespaces put names in brackets at the very start. */
        bool spare = at == name || strncmp(at, "(anonymous namespace)", 21) == 0;
        size_t inside = (size_t)(end - at) - 1;
        if (*at == open && !spare && inside > strlen(ELLIPSIS)) {
            memcpy(at + 1, ELLIPSIS, strlen(ELLIPSIS));
            memmove(at + 1 + strlen(ELLIPSIS), end, strlen(end) + 1);
            end = at + 1 + strlen(ELLIPSIS);
        }
        at = end;
    }
}

void shorten(char *name, size_t most)
{
    if (strlen(name) > most)
        empty_brackets(name, '(');
    if (strlen(name) > most)
        empty_brackets(name, '<');
    if (strlen(name) <= most)
        return;
    size_t cut = most - strlen(ELLIPSIS);
    /* Not in the middle of a UTF-8 character. */
    while (cut > 0 && ((unsigned char)name[cut] & 0xc0) == 0x80)
        cut--;
    memcpy(name + cut, ELLIPSIS, strlen(ELLIPSIS) + 1);
}

void shorten_package(char *name)
{
    size_t path = strcspn(name, "([< ");
    char *slash = memrchr(name, '/', path);
    if (slash && slash + 1 < name + path)
        memmove(name, slash + 1, strlen(slash + 1) + 1);
}
