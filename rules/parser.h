/*
 * What parse.c, which knows lines and rules, and keys.c, which knows what stands
 * in a rule, have in common: the rule that is being read, and how to complain.
 */
#ifndef MAPTRACE_RULES_PARSER_H
#define MAPTRACE_RULES_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/rule.h"

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
    unsigned keys_given; /* bit per key */
    struct rule_glob **last_glob;
};

/* Zeroed memory of the rules' arena; NULL, and parser->no_memory, if there is none. */
void *parser_take(struct parser *parser, size_t bytes);
char *parser_keep(struct parser *parser, const char *text);

/* Complains about LINE, and marks RULE (if any) broken. */
void parser_fail(struct parser *parser, struct rule *rule, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* NAME = VALUE, which may be cut up, stands in the rule that is being read. */
void keys_set(struct parser *parser, const char *name, char *value);

#endif
