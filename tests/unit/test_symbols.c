/* Names: globs, anchors, stems, and the demangler's bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/glob.h"
#include "rules/punycode.h"
#include "rules/rule.h"
#include "rules/symbol.h"

static void globs(void **state)
{
    (void)state;
    assert_true(rules_glob("", ""));
    assert_true(rules_glob("*", ""));
    assert_true(rules_glob("a*c", "abcbc"));
    assert_true(rules_glob("a?c", "abc"));
    assert_true(rules_glob("*foo*bar*", "xfooyfoobarz"));
    assert_true(rules_glob("a[b]", "a[b]"));
    assert_false(rules_glob("a[b]", "ab"));
    assert_false(rules_glob("a?", "a"));
    assert_false(rules_glob("abc", "abcd"));
    assert_false(rules_glob("*abc", "abcd"));
    assert_false(rules_glob("", "a"));
}

/* The anchors of one glob at a time. */
static void *take(struct rule_arena *unused, size_t bytes)
{
    static _Alignas(16) char memory[1024];

    (void)unused;
    assert_true(bytes <= sizeof memory);
    return memset(memory, 0, sizeof memory);
}

static void anchors(void **state)
{
    struct rule_arena arena = {take};
    static const struct {
        const char *glob, *anchor;
    } cases[] = {
        {"_dictExpand", "_dictExpand"},
        {"std::_Hashtable<*>::_M_rehash(*", "_M_rehash"},
        {"std::_Hashtable<*>::foo(*", "_Hashtable"},
        {"*_HT_GROW", "_HT_GROW"},
        {"std::string::grow(unsigned long)", "grow"},
        {"string", "string"},
        {"new*", ""},
        {"*", ""},
        {"foo::ab", "foo"},
        {"x<12345>::ab", ""},
        {"*td::x", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct anchor *anchor = glob_best_anchor(glob_anchors(cases[i].glob, &arena));
        assert_int_equal(anchor->bytes, strlen(cases[i].anchor));
        assert_memory_equal(anchor->text, cases[i].anchor, anchor->bytes);
    }
}

static void stems(void **state)
{
    static const char *const cases[][2] = {
        {"foo", "foo"},
        {"foo.cold", "foo"},
        {"foo.part.0", "foo"},
        {"foo.constprop.12.isra.3.cold", "foo"},
        {"foo.lto_priv.0", "foo"},
        {"foo.llvm.1234567890", "foo"},
        {"foo.123", "foo"},
        {"foo.cold.1", "foo"},
        {"foo.__uniq.123", "foo"},
        {"foo@@GLIBC_2.2.5", "foo"},
        {"foo@V1", "foo"},
        {"foo [clone .isra.0]", "foo"},
        {"foo(int) [clone .isra.0] [clone .cold]", "foo(int)"},
        {"runtime.hashGrow", "runtime.hashGrow"},
        {".cold", ".cold"},
        {".1", ".1"},
        {"@x", "@x"},
        {"", ""},
        {" [clone ]", " [clone ]"},
        {"]", "]"},
        {"a[3]", "a[3]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (symbol_stem(cases[i][0]) != strlen(cases[i][1]))
            fail_msg("the stem of '%s' is %zu long", cases[i][0], symbol_stem(cases[i][0]));
    }
}

static void demangles_within_its_buffer(void **state)
{
    char buffer[64], name[8192];

    (void)state;
    assert_true(rules_demangle("_ZN2ns4growEi.isra.0", buffer, sizeof buffer));
    assert_string_equal(buffer, "ns::grow(int) [clone .isra.0]");
    assert_false(rules_demangle("_dictExpand", buffer, sizeof buffer));
    assert_string_equal(buffer, "_dictExpand");
    assert_true(rules_demangle("_ZN2ns4growEi", buffer, 5));
    assert_string_equal(buffer, "ns::");
    assert_false(rules_demangle("_dictExpand", buffer, 5));
    assert_string_equal(buffer, "_dic");
    assert_false(rules_demangle("_Zwhat", buffer, sizeof buffer));
    assert_string_equal(buffer, "_Zwhat");
    assert_true(rules_demangle("_ZN1a1b17h0123456789abcdefE", buffer, sizeof buffer));
    assert_string_equal(buffer, "a::b");
    /* Refused for its length. */
    memset(name, 'P', sizeof name);
    memcpy(name, "_Z1f", 4);
    strcpy(name + sizeof name - 2, "i");
    assert_false(rules_demangle(name, buffer, sizeof buffer));
    /* Its text doubles with every parameter: the buffer's end must stop it. */
    strcpy(name, "_Z1fSt4pairIiiE");
    strcpy(name, "_Z1f4pairIiiES_IS0_S0_E");
    for (const char *digit = "123456789ABCDEFGHIJKLMNOPQRSTUVW"; digit[1]; digit++)
        snprintf(name + strlen(name), 32, "S_IS%c_S%c_E", *digit, *digit);
    assert_true(rules_demangle(name, buffer, sizeof buffer));
    assert_int_equal(strlen(buffer), sizeof buffer - 1);
}

static void tells_punycode(void **state)
{
    (void)state;
    assert_true(punycode_possible("_RNvC1au7fge_hoa"));
    assert_true(punycode_possible("_RNvMCs6GmmlP4bgsG_1rINtB2_u9Gre_6ka8imEu7fge_hoaB2_"));
    assert_false(punycode_possible("_RNvNtC3cpu4menu3foo"));
    assert_false(punycode_possible("_RINvC1a3foouE"));
    assert_false(punycode_possible("_RNvMs_C1au3foo")); /* <()>::foo */
    assert_false(punycode_possible("_RINvC1a3fooDNtC1b2FnEL_FUKCuEuAhj4_Kb1_E"));
    assert_true(punycode_possible("_R"));
    assert_true(punycode_possible("_RNvC1a99b"));
}

/* --- no allocation ------------------------------------------------------------- */

static unsigned allocations;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifndef __SANITIZE_ADDRESS__ /* which wants to be the only one to define these */
void *__libc_malloc(size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

void *realloc(void *block, size_t bytes)
{
    allocations++;
    return __libc_realloc(block, bytes);
}
#endif

static void never_allocates(void **state)
{
    static const char *const names[] = {
        "_ZNSt6vectorISt4pairIiSaIS0_IilEEESaIS3_EE4growEm.isra.0",
        "_ZN1a1b17h0123456789abcdefE.llvm.7",
        "_RNvMCs6GmmlP4bgsG_1rINtB2_u9Gre_6ka8imEu7fge_hoaB2_",
        "_RINvC1a3fooDNtC1b2FnEL_FUKCuEuAhj4_Kb1_E",
        "plain.part.0",
    };
    static char form[SYMBOL_FORM_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned before = allocations;
        for (int kind = FORM_PLAIN; kind < FORM_COUNT; kind++)
            symbol_write_form(names[i], (enum symbol_form)kind, form, sizeof form);
        rules_demangle(names[i], form, sizeof form);
        assert_int_equal(allocations, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs),          cmocka_unit_test(anchors),
        cmocka_unit_test(stems),          cmocka_unit_test(demangles_within_its_buffer),
        cmocka_unit_test(tells_punycode), cmocka_unit_test(never_allocates),
    };

    return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
