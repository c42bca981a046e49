/*
 * The values of rule keys that are more than text: places and sizes. All
 * return 0 or -EINVAL and read terminated text without surrounding space.
 */
#ifndef MAPTRACE_RULES_PLACE_H
#define MAPTRACE_RULES_PLACE_H

#include <stdint.h>

#include "rules/rule.h"

/* `table+OFFSET[:SIZE]`, maybe after `1<<`. */
int place_parse(const char *text, struct rule_place *place);

/* A number of bytes, maybe with K, M or G after it. */
int size_parse(const char *text, uint64_t *bytes);

/* `BASE+STEP*n` or `BASE+STEP*2^n`; without BASE it is 0. */
int sizes_parse(const char *text, struct rule_sizes *sizes);

#endif
