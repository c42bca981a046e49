/*
 * Arbitrary rule text, and arbitrary names held against what became of it. The
 * input is the rule text; every line of it also serves as a symbol name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/glob.h"
#include "rules/rule.h"

struct arena {
    struct rule_arena arena;
    size_t used;
    _Alignas(16) char memory[1 << 20];
};

static void *take(struct rule_arena *base, size_t bytes)
{
    struct arena *arena = (struct arena *)base;
    size_t rounded = (bytes + 15) & ~(size_t)15;

    if (rounded < bytes || rounded > sizeof arena->memory - arena->used)
        return NULL;
    void *memory = arena->memory + arena->used;
    arena->used += rounded;
    return memory;
}

static void complain(void *context, const char *text)
{
    (void)context;
    if (strlen(text) > 511 || strchr(text, '\n'))
        abort();
}

static void found(void *context, struct rule *rule, const struct rule_glob *glob)
{
    (void)context;
    if (rule->broken || glob->anchors->bytes < ANCHOR_MIN_BYTES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct arena arena;
    struct rule_set set = {0};
    char *text = malloc(bytes + 1), *rest = text, *name;
    char demangled[256];

    if (!text)
        return 0;
    memset(&arena, 0, sizeof arena);
    arena.arena.take = take;
    if (bytes)
        memcpy(text, data, bytes);
    text[bytes] = '\0';
    rules_parse(&set, (const char *)data, bytes, "fuzz", true, &arena.arena, complain, NULL);
    struct rule_matcher *matcher = rules_matcher(&set, &arena.arena);
    while (matcher && (name = strsep(&rest, "\n"))) {
        rules_match(matcher, name, found, NULL);
        rules_demangle(name, demangled, sizeof demangled);
    }
    free(text);
    return 0;
}
