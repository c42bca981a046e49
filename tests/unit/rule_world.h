/* A world in which a test parses rules and matches names: memory that ends, and what was said. */
#ifndef MAPTRACE_TESTS_RULE_WORLD_H
#define MAPTRACE_TESTS_RULE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/rule.h"

struct world {
    struct rule_arena arena; /* first: the arena is the world */
    struct rule_set set;
    struct rule_matcher *matcher;
    size_t used, limit;
    int complaints;
    char last[600];    /* complaint */
    char matched[600]; /* "RULE/ROLE " for every match */
    _Alignas(16) char memory[1 << 20];
};

static inline void *take(struct rule_arena *arena, size_t bytes)
{
    struct world *world = (struct world *)arena;
    size_t rounded = (bytes + 15) & ~(size_t)15;

    if (rounded > world->limit - world->used)
        return NULL;
    void *memory = world->memory + world->used;
    world->used += rounded;
    return memory;
}

static inline void complain(void *context, const char *text)
{
    struct world *world = context;

    world->complaints++;
    snprintf(world->last, sizeof world->last, "%s", text);
}

static inline int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return -1;
    world->arena.take = take;
    world->limit = sizeof world->memory;
    *state = world;
    return 0;
}

static inline int tear_down(void **state)
{
    free(*state);
    return 0;
}

static inline int parse_bytes(struct world *world, const char *text, size_t bytes, bool user)
{
    /* A copy of the exact size, so that a sanitizer sees any byte too far. */
    char *copy = malloc(bytes ? bytes : 1);

    assert_non_null(copy);
    memcpy(copy, text, bytes);
    int errors = rules_parse(&world->set, copy, bytes, user ? "my.rules" : "built-in", user,
                             &world->arena, complain, world);
    free(copy);
    world->matcher = NULL;
    return errors;
}

static inline int parse(struct world *world, const char *text)
{
    return parse_bytes(world, text, strlen(text), true);
}

static inline void found(void *context, struct rule *rule, const struct rule_glob *glob)
{
    struct world *world = context;
    size_t used = strlen(world->matched);

    snprintf(world->matched + used, sizeof world->matched - used, "%s/%d ", rule->name,
             (int)glob->role);
}

static inline const char *match(struct world *world, const char *name)
{
    if (!world->matcher)
        world->matcher = rules_matcher(&world->set, &world->arena);
    assert_non_null(world->matcher);
    world->matched[0] = '\0';
    rules_match(world->matcher, name, found, world);
    return world->matched;
}

#endif
