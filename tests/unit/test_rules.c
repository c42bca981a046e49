/* Rules: what their text means. */
#include <errno.h>

#include "tests/unit/rule_world.h"

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
                                  "doubt = yes\n"
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
    assert_true(rule->doubt);
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
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
