/* Rules: what their text means, and which symbols they match. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/rule.h"

/* --- a world to parse in ----------------------------------------------------- */

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

static void *take(struct rule_arena *arena, size_t bytes)
{
    struct world *world = (struct world *)arena;
    size_t rounded = (bytes + 15) & ~(size_t)15;

    if (rounded > world->limit - world->used)
        return NULL;
    void *memory = world->memory + world->used;
    world->used += rounded;
    return memory;
}

static void complain(void *context, const char *text)
{
    struct world *world = context;

    world->complaints++;
    snprintf(world->last, sizeof world->last, "%s", text);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        return -1;
    world->arena.take = take;
    world->limit = sizeof world->memory;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static int parse_bytes(struct world *world, const char *text, size_t bytes, bool user)
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

static int parse(struct world *world, const char *text)
{
    return parse_bytes(world, text, strlen(text), true);
}

static void found(void *context, struct rule *rule, const struct rule_glob *glob)
{
    struct world *world = context;
    size_t used = strlen(world->matched);

    snprintf(world->matched + used, sizeof world->matched - used, "%s/%d ", rule->name,
             (int)glob->role);
}

static const char *match(struct world *world, const char *name)
{
    if (!world->matcher)
        world->matcher = rules_matcher(&world->set, &world->arena);
    assert_non_null(world->matcher);
    world->matched[0] = '\0';
    rules_match(world->matcher, name, found, world);
    return world->matched;
}

/* --- text -------------------------------------------------------------------- */

static void reads_every_key(void **state)
{
    struct world *world = *state;

    assert_int_equal(parse(world, "# a comment\n"
                                  "[redis-dict]  # with a comment\n"
                                  "about  = Redis and Valkey dict\n"
                                  "kind   = incremental          # immediate (default)\n"
                                  "grow   = _dictExpand\n"
                                  "grow   = dict#Resize\n"
                                  "retire = dictRehash           # lets the old array go\n"
                                  "beneath = dictAdd\n"
                                  "through = zcalloc\n"
                                  "except = dictScratch\n"
                                  "sign = dictType\n"
                                  "module = redis-*\n"
                                  "module = valkey-*\n"
                                  "program = redis\n"
                                  "via = dictAlloc\n"
                                  "call = malloc calloc\n"
                                  "min = 4K\n"
                                  "size = 8+144*n\n"
                                  "hook = libcxx-prime\n"
                                  "old    = table+8\n"
                                  "new    = table+16\n"
                                  "moved  = table+0x28\n"
                                  "of     = 1<<table+0x32:1\n"
                                  "needs = PYTHONMALLOC=malloc\n"
                                  "heap = a heap of its own\n"
                                  "hint = rebuild\n"
                                  "tested = redis 7\n"
                                  "tested = valkey 8"),
                     0);
    struct rule *rule = world->set.first;
    assert_int_equal(world->set.count, 1);
    assert_string_equal(rule->name, "redis-dict");
    assert_string_equal(rule->about, "Redis and Valkey dict");
    assert_int_equal(rule->kind, RULE_INCREMENTAL);
    assert_int_equal(rule->calls, CALL_MALLOC | CALL_CALLOC);
    assert_int_equal(rule->min_bytes, 4096);
    assert_true(rules_in_module(rule, "/usr/bin/redis-check-rdb"));
    assert_true(rules_in_module(rule, "valkey-server"));
    assert_false(rules_in_module(rule, "/opt/redis-7/bin/redis"));
    assert_true(rules_names_module(rule, "/opt/redis-7/bin/redis"));
    assert_true(rules_names_module(rule, "valkey-server"));
    assert_false(rules_names_module(rule, "/bin/sh"));
    assert_true(rule->wrapped);
    assert_int_equal(rule->sizes.base, 8);
    assert_int_equal(rule->sizes.step, 144);
    assert_false(rule->sizes.powers);
    assert_int_equal(rule->hook, HOOK_LIBCXX_PRIME);
    assert_true(rule->old.known && rule->old.offset == 8 && rule->old.size == 8);
    assert_true(rule->new.known && rule->new.offset == 16);
    assert_true(rule->moved.known && rule->moved.offset == 0x28);
    assert_true(rule->of.power_of_two && rule->of.offset == 0x32 && rule->of.size == 1);
    assert_string_equal(rule->needs, "PYTHONMALLOC=malloc");
    assert_string_equal(rule->heap, "a heap of its own");
    assert_string_equal(rule->hint, "rebuild");
    assert_string_equal(rule->tested, "redis 7; valkey 8");
    assert_true(rule->user);
    assert_false(rule->broken);
    assert_int_equal(rule->line, 2);
    const struct rule_glob *glob = rule->globs;
    assert_string_equal(glob->text, "_dictExpand");
    assert_string_equal(glob->next->text, "dict#Resize");
    assert_string_equal(glob->next->next->text, "dictRehash");
    assert_int_equal(glob->next->next->role, ROLE_RETIRE);
}

static void has_defaults(void **state)
{
    struct world *world = *state;

    assert_int_equal(parse(world, "[a]\ngrow=grow_it"), 0);
    struct rule *rule = world->set.first;
    assert_int_equal(rule->kind, RULE_IMMEDIATE);
    assert_int_equal(rule->calls, CALL_ANY);
    assert_int_equal(rule->hook, HOOK_NONE);
    assert_int_equal(rule->min_bytes, 0);
    assert_int_equal(rule->sizes.step, 0);
    assert_true(rules_in_module(rule, "/usr/bin/any"));
    assert_false(rule->old.known);
    assert_null(rule->about);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *says;
        bool broken;
    } cases[] = {
        {"[r]\nabout = x\n", "my.rules:1: [r] has no 'grow'", true},
        {"[r]\ngrow = foo_grow\ngroww = x\n", "my.rules:3: unknown key 'groww' in [r]", true},
        {"[r]\ngrow = *\n", "my.rules:2: the glob '*' of [r] fits too much", true},
        {"[r]\ngrow = ab*\n", "my.rules:2: the glob 'ab*'", true},
        {"[r]\ngrow = std::*<*>(int)\n", "my.rules:2: the glob", true},
        {"[r]\ngrow =\n", "my.rules:2: 'grow' has no value", true},
        {"[r]\ngrow = foo_grow\nold = tabel+8\n", "my.rules:3: 'tabel+8' is no place", true},
        {"[r]\ngrow = foo_grow\nold = table\n", "my.rules:3: 'table' is no place", true},
        {"[r]\ngrow = foo_grow\nmoved = table+8:3\n", "my.rules:3: 'table+8:3' is no place", true},
        {"[r]\ngrow = foo_grow\nmoved = table+8 8\n", "is no place", true},
        {"[r]\ngrow = foo_grow\nmoved = table+0x\n", "is no place", true},
        {"[r]\ngrow = foo_grow\nmoved = table+99999999999999999999\n", "is no place", true},
        {"[r]\ngrow = foo_grow\nmoved = 2<<table+8\n", "is no place", true},
        {"[r]\ngrow = foo_grow\nold = table+8:4\n", "my.rules:3: 'old' holds an address", true},
        {"[r]\ngrow = foo_grow\nkind = lazy\n", "my.rules:3: unknown kind 'lazy'", true},
        {"[r]\ngrow = foo_grow\nkind = realloc\nkind = realloc\n",
         "my.rules:4: 'kind' stands twice in [r]", true},
        {"[r]\ngrow = foo_grow\ncall = malloc sbrk\n", "my.rules:3: unknown call 'sbrk'", true},
        {"[r]\ngrow = foo_grow\nhook = x\n", "my.rules:3: unknown hook 'x'", true},
        {"[r]\ngrow = foo_grow\nmin = 12Q\n", "my.rules:3: '12Q' is no size", true},
        {"[r]\ngrow = foo_grow\nsize = 16\n", "my.rules:3: '16' says no sizes", true},
        {"[r]\ngrow = foo_grow\nsize = 8+0*n\n", "'8+0*n' says no sizes", true},
        {"[r]\ngrow = foo_grow\nsize = 16*3^n\n", "'16*3^n' says no sizes", true},
        {"[r]\ngrow = foo_grow\nmin = 99999999999999G\n", "is no size", true},
        {"[r]\ngrow = foo_grow\nneeds = X\n", "my.rules:3: 'X' is no NAME=VALUE", true},
        {"[r]\ngrow = foo_grow\nwhat is this\n", "my.rules:3: 'what is this' is neither", true},
        {"[r]\ngrow = foo_grow\n[r]\ngrow = foo_grow\n", "my.rules:3: [r] is here twice", true},
        {"grow = foo_grow\n", "my.rules:1: a key before the first [name]", false},
        {"[]\ngrow = foo_grow\n", "my.rules:1: bad rule name ''", false},
        {"[a b]\ngrow = foo_grow\n", "my.rules:1: bad rule name 'a b'", false},
        {"[r\ngrow = foo_grow\n", "my.rules:1: a rule begins with [name]", false},
        {"[\n", "my.rules:1: a rule begins with [name]", false},
        {"[1234567890123456789012345678901234567890123456789012345678901234]\n",
         "my.rules:1: bad rule name", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *fresh = NULL;
        assert_int_equal(set_up(&fresh), 0);
        struct world *world = fresh;
        assert_int_equal(parse(world, cases[i].text), 1);
        assert_int_equal(world->complaints, 1);
        if (!strstr(world->last, cases[i].says))
            fail_msg("'%s' does not say '%s'", world->last, cases[i].says);
        assert_int_equal(world->set.count, cases[i].broken);
        if (cases[i].broken) {
            assert_true(world->set.first->broken);
            assert_string_equal(world->set.first->error, world->last);
            assert_string_equal(match(world, "foo_grow"), "");
        }
        tear_down(&fresh);
    }
}

static void an_error_leaves_other_rules_alone(void **state)
{
    struct world *world = *state;

    assert_int_equal(parse(world, "[one]\ngrow = one_grow\n[two]\nkind = x\ngrow = two_grow\n"
                                  "[bad name]\ngrow = bad_grow\n[three]\ngrow = three_grow\n"),
                     2);
    assert_int_equal(world->set.count, 3);
    assert_string_equal(match(world, "one_grow"), "one/0 ");
    assert_string_equal(match(world, "two_grow"), "");
    assert_string_equal(match(world, "bad_grow"), "");
    assert_string_equal(match(world, "three_grow"), "three/0 ");
}

static void a_user_rule_replaces_a_built_in(void **state)
{
    struct world *world = *state;
    static const char built_in[] = "[a]\ngrow = aaa_grow\n[b]\ngrow = bbb_grow\n[c]\ngrow = ccc\n";

    parse_bytes(world, built_in, strlen(built_in), false);
    struct rule *b = world->set.first->next;
    assert_int_equal(parse(world, "[b]\ngrow = other_grow\n[d]\ngrow = ddd\n"), 0);
    assert_int_equal(world->set.count, 4);
    assert_ptr_equal(world->set.first->next, b);
    assert_int_equal(b->index, 1);
    assert_true(b->user);
    assert_string_equal(b->next->name, "c");
    assert_string_equal(world->set.last->name, "d");
    assert_int_equal(world->set.last->index, 3);
    assert_string_equal(match(world, "bbb_grow"), "");
    assert_string_equal(match(world, "other_grow"), "b/0 ");
    /* Broken, it still replaces: silence would look like the built-in's answer. */
    assert_int_equal(parse(world, "[a]\ngrow = ***\n"), 1);
    assert_true(world->set.first->broken && world->set.first->user);
    assert_string_equal(match(world, "aaa_grow"), "");
}

static void takes_odd_files(void **state)
{
    struct world *world = *state;
    static const char nul[] = "[n]\ngrow = foo\0_grow\n[o]\ngrow = ooo\n";
    size_t bytes = 1 << 20;
    char *text = malloc(bytes);

    assert_int_equal(parse(world, "\xef\xbb\xbf[crlf]\r\n\tgrow = crlf_grow \r\n\r\n"), 0);
    assert_string_equal(match(world, "crlf_grow"), "crlf/0 ");
    assert_int_equal(parse(world, ""), 0);
    assert_int_equal(parse(world, "\n\n   \n#"), 0);
    assert_int_equal(parse_bytes(world, nul, sizeof nul - 1, true), 1);
    assert_non_null(strstr(world->last, "my.rules:2: a NUL byte"));
    assert_string_equal(match(world, "ooo"), "o/0 ");
    memset(text, 'x', bytes);
    memcpy(text, "[long]\ngrow = ", 14);
    memcpy(text + bytes - 20, "\n[p]\ngrow = ppp_grow", 20);
    assert_int_equal(parse_bytes(world, text, bytes, true), 1);
    assert_non_null(strstr(world->last, "my.rules:2: a line of more than"));
    assert_string_equal(match(world, "ppp_grow"), "p/0 ");
    memset(text, '\n', bytes);
    for (size_t i = 0; i + 1 < bytes; i += 2)
        text[i] = '\x01';
    world->complaints = 0;
    assert_int_equal(parse_bytes(world, text, bytes, true), bytes / 2);
    assert_int_equal(world->complaints, 101);
    assert_non_null(strstr(world->last, "more errors"));
    free(text);
}

static void runs_out_of_memory_in_words(void **state)
{
    struct world *world = *state;

    for (size_t limit = 0; limit < 1200; limit += 16) {
        world->limit = limit;
        world->used = 0;
        memset(&world->set, 0, sizeof world->set);
        memset(world->memory, 0, sizeof world->memory);
        int errors = parse(world, "[a]\ngrow = aaa\nhint = x\nhint = y\n[b]\ngrow = ***\n");
        assert_true(errors == -ENOMEM || errors == 1);
    }
    world->limit = world->used;
    assert_null(rules_matcher(&world->set, &world->arena));
}

static void the_catalogue_has_no_errors(void **state)
{
    struct world *world = *state;

    int errors = rules_parse(&world->set, rules_catalogue, rules_catalogue_bytes, "catalogue",
                             false, &world->arena, complain, world);
    if (errors)
        fail_msg("%s", world->last);
    assert_true(world->set.count > 0);
}

static void hashes_as_fnv_does(void **state)
{
    (void)state;
    assert_true(rules_hash(RULES_HASH_SEED, "", 0) == 0xcbf29ce484222325ull);
    assert_true(rules_hash(RULES_HASH_SEED, "foobar", 6) == 0x85944171f73967e8ull);
    assert_true(rules_hash(rules_hash(RULES_HASH_SEED, "foo", 3), "bar", 3) ==
                0x85944171f73967e8ull);
}

/* --- names ------------------------------------------------------------------- */

static void matches_names_in_every_form(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *glob, *name;
        bool matches;
    } cases[] = {
        {"_dictExpand", "_dictExpand", true},
        {"_dictExpand", "_dictExpand.constprop.0", true},
        {"_dictExpand", "_dictExpand.part.0.cold", true},
        {"_dictExpand", "_dictExpand@@REDIS_7", true},
        {"_dictExpand", "x_dictExpand", false},
        {"_dictExpand", "_dictExpandIfNeeded", false},
        {"kh_resize_*", "kh_resize_str", true},
        {"kh_resize_*", "kh_resize_str.isra.0", true},
        {"runtime.hashGrow", "runtime.hashGrow", true},
        {"foo [clone .isra.0]", "foo.isra.0", false}, /* a C name is not demangled */
        /* C++ */
        {"grow", "_Z4growi", true}, /* grow(int) */
        {"grow(int)", "_Z4growi", true},
        {"grow(*", "_Z4growi", true},
        {"grow(int) [clone .isra.0]", "_Z4growi.isra.0", true},
        {"grow(int) [clone .isra.0] [clone .cold]", "_Z4growi.isra.0.cold", true},
        {"grow", "_ZL4growi.isra.0", true}, /* static */
        {"grow", "_ZN2ns4growEi", false},
        {"ns::grow", "_ZN2ns4growEi", true},
        {"*::grow", "_ZN2ns4growEi", true},
        {"ns::grow", "_ZN2ns7growingEi", false},
        {"Table::grow", "_ZNK5Table4growEi", true}, /* const */
        {"Table::grow(int) const", "_ZNK5Table4growEi", true},
        {"grow<int>", "_Z4growIiEvT_", true}, /* void grow<int>(int) */
        {"grow<int>(int)", "_Z4growIiEvT_", true},
        {"void grow<int>(int)", "_Z4growIiEvT_", true},
        {"grow<*>", "_Z4growIiEvT_", true},
        {"(anonymous namespace)::grow_it", "_ZN12_GLOBAL__N_17grow_itEv", true},
        {"_Z4growi", "_Z4growi", true}, /* written mangled */
        {"_Z4grow*", "_Z4growi.part.0", true},
        {"std::string::grow_it", "_ZNSs7grow_itEv", true},
        {"Map<12ul>::grow_it(*", "_ZN3MapILm12EE7grow_itEv", true},
        {"operator new(unsigned long)*", "_Znwm", false}, /* no anchor, refused */
        {"grow*", "_ZZ4growvENKUlvE_clEv", true}, /* grow()::{lambda()#1}::operator()() const */
        {"grow_it", "_ZN2ns7grow_itEv", false},
        {"grow_it::x1", "_ZN7grow_it2x1Ev", true},
        {"ns::Type grow_it<*>()", "_Z7grow_itIiEN2ns4TypeEv", true}, /* with its return type */
        {"*hash", "_ZN2ns6rehashEv", true},
        {"rehash", "rehash.part.0", true},
        {"rehash", "prehash", false},
        /* Rust */
        {"rehash", "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h0123456789abcdefE",
         false},
        {"a::__init", "_RNvC1a6___init", true}, /* the length is set off with _ */
        {"hashbrown::raw::RawTable<*>::reserve_rehash",
         "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h0123456789abcdefE", true},
        {"hashbrown::raw::RawTable<*>::reserve_rehash*",
         "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h0123456789abcdefE.llvm.123",
         true},
        {"hashbrown::raw::RawTable<*>::reserve_rehash::h0123*",
         "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h0123456789abcdefE", true},
        {"<hashbrown::raw::RawTable<*>>::reserve_rehash",
         "_RINvMs6_NtCsgvbsrvnw3yD_9hashbrown3rawINtB6_8RawTableTmyEE14reserve_rehashNvC1a1bEC1a",
         true},
        {"<hashbrown[*]::raw::RawTable<*>>::reserve_rehash*",
         "_RINvMs6_NtCsgvbsrvnw3yD_9hashbrown3rawINtB6_8RawTableTmyEE14reserve_rehashNvC1a1bEC1a",
         true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        memset(&world->set, 0, sizeof world->set);
        world->used = 0;
        memset(world->memory, 0, sizeof world->memory);
        snprintf(text, sizeof text, "[r]\ngrow = %s\n", cases[i].glob);
        parse(world, text);
        if (strcmp(match(world, cases[i].name), cases[i].matches ? "r/0 " : "") != 0)
            fail_msg("'%s' against '%s' gave '%s'", cases[i].glob, cases[i].name, world->matched);
    }
}

static void reports_each_glob_once(void **state)
{
    struct world *world = *state;

    parse(world,
          "[a]\ngrow = Map::grow\nretire = *::grow\ngrow = Map*\n[b]\nsign = Map::grow(int)\n"
          "grow = unrelated\n");
    assert_string_equal(match(world, "_ZN3Map4growEi"), "a/0 b/5 a/0 a/1 ");
    assert_string_equal(match(world, "_ZN3Map4growE3Map"), "a/0 a/0 a/1 ");
    assert_string_equal(match(world, "unrelated"), "b/0 ");
    assert_string_equal(match(world, ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_every_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_defaults, set_up, tear_down),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test_setup_teardown(an_error_leaves_other_rules_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_rule_replaces_a_built_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_odd_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_out_of_memory_in_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_catalogue_has_no_errors, set_up, tear_down),
        cmocka_unit_test(hashes_as_fnv_does),
        cmocka_unit_test_setup_teardown(matches_names_in_every_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_each_glob_once, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
