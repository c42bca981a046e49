/*
 * The rules of this run: the catalogue and the user's files, ready to match.
 */
#ifndef MAPTRACE_INDEXER_RULE_TEXT_H
#define MAPTRACE_INDEXER_RULE_TEXT_H

#include <stdint.h>

#include "rules/rule.h"

struct rule_text {
    struct rule_arena arena; /* first: it serves the parser */
    struct rule_block *blocks;
    struct rule_set set;
    struct rule_matcher *matcher;
    uint64_t hash; /* of all text, as the guest computes it */
};

/*
 * Reads the catalogue and then FILES. What is wrong with a file is said on
 * stderr, and the rest is used: the guest does the same. 0 or -ENOMEM; RULES is
 * to be freed in either case.
 */
int rule_text_load(struct rule_text *rules, char *const *files, size_t count);
void rule_text_free(struct rule_text *rules);

#endif
