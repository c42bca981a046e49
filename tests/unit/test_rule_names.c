/* Rules: which symbols they match. */
#include "tests/unit/rule_world.h"

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
        cmocka_unit_test_setup_teardown(matches_names_in_every_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_each_glob_once, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("rule names", tests, NULL, NULL);
}
