"""Each rule of the catalogue against the container it is for: what a program of ours counts itself must be reported."""

import subprocess
from pathlib import Path

import pytest

from support.catalogue import CONTAINERS, DEBUG, FLAT, packages, quiet, replaced_bytes, seen, truth


def llvm():
    def ask(*options):
        return subprocess.run(["llvm-config-14", *options], check=True, capture_output=True,
                              text=True).stdout.split()
    return ask("--cppflags"), ask("--ldflags", "--libs", "core", "--link-shared")


# --- C++ ---------------------------------------------------------------------

CXX = {
    "libstdc++": ("std_unordered.cc", "libstdc++-unordered", {}),
    "libstdc++-clang": ("std_unordered.cc", "libstdc++-unordered", {"cc": "clang"}),
    "libstdc++-stripped": ("std_unordered.cc", "libstdc++-unordered", {"flags": FLAT, "strip": True}),
    "libc++": ("std_unordered.cc", "libc++-unordered",
               {"cc": "clang", "flags": ("-std=c++17", "-stdlib=libc++", "-O2", "-g")}),
    "libc++-stripped": ("std_unordered.cc", "libc++-unordered",
                        {"cc": "clang", "flags": ("-std=c++17", "-stdlib=libc++", "-O2"),
                         "strip": True}),
    "abseil": ("absl_hash.cc", "abseil-hash",
               {"packages": ("absl_flat_hash_map", "absl_flat_hash_set", "absl_node_hash_map")}),
    "tsl-robin": ("tsl_maps.cc", "tsl-robin", {}),
    "sparsehash-dense": ("sparsehash.cc", "sparsehash-dense", {}),
    "qt5": ("qt_hash.cc", "qt5-qhash", {"flags": ("-O2", "-fPIC"), "packages": ("Qt5Core",)}),
    "rust": ("hash_map.rs", "hashbrown", {"flags": ("-O",)}),
}


@pytest.mark.parametrize("name", CXX)
def test_cxx_container(trace, compiled, name):
    source, rule, how = CXX[name]
    how = dict(how)
    flags, libs = packages(*how.pop("packages")) if "packages" in how else ([], [])
    how["flags"] = [*how.get("flags", DEBUG), *flags]
    run = trace(compiled(CONTAINERS / source, libs=libs, name=name, **how))
    report = run.report()
    assert seen(report, rule) == truth(run)["resizes"]
    quiet(report)


def test_qt6(trace, compiled):
    flags, libs = packages("Qt6Core")
    program = compiled(CONTAINERS / "qt_hash.cc", flags=["-O2", "-g", "-fPIC", "-std=c++17", *flags],
                       libs=libs, name="qt6")
    run = trace(program)
    report = run.report()
    assert seen(report, "qt6-qhash") == truth(run)["resizes"]
    quiet(report)


def test_boost(trace, compiled):
    run = trace(compiled(CONTAINERS / "boost_unordered.cc", flags=DEBUG))
    report = run.report()
    expected = truth(run)
    assert seen(report, "boost-unordered") == expected["resizes"]
    if expected["flat"]:
        assert seen(report, "boost-unordered-flat") == expected["flat"]
    quiet(report)


def test_tsl_hopscotch(trace, compiled):
    run = trace([compiled(CONTAINERS / "tsl_maps.cc", flags=DEBUG), "hopscotch"])
    report = run.report()
    assert seen(report, "tsl-robin") + seen(report, "tsl-hopscotch") == truth(run)["resizes"]
    quiet(report)


def test_sparsehash_sparse(trace, compiled):
    run = trace([compiled(CONTAINERS / "sparsehash.cc", flags=DEBUG), "sparse"])
    report = run.report()
    assert seen(report, "sparsehash-sparse") == truth(run)["resizes"]
    quiet(report)


def test_llvm(trace, compiled):
    flags, libs = llvm()
    program = compiled(CONTAINERS / "llvm_maps.cc", flags=[*DEBUG, *flags], libs=libs)
    idle = trace([program, "0"]).report()  # libLLVM has tables of its own when it starts
    run = trace([program, "30000"])
    report = run.report()
    for rule in ("llvm-densemap", "llvm-stringmap"):
        assert seen(report, rule) - idle.rule(rule)["resizes"] == truth(run)[rule[5:]]
    quiet(report)


@pytest.mark.parametrize("which, rule", [("robin-hood-flat", "robin-hood"),
                                         ("ankerl", "ankerl-unordered-dense"),
                                         ("folly", "folly-f14")])
def test_stand_in(trace, compiled, which, rule):
    run = trace([compiled(CONTAINERS / "stand_ins.cc", flags=DEBUG), which])
    report = run.report()
    assert seen(report, rule) == truth(run)["resizes"]
    quiet(report)


def test_stand_in_that_keeps_its_arrays(trace, compiled):
    run = trace([compiled(CONTAINERS / "stand_ins.cc", flags=DEBUG), "robin-hood-node"])
    report = run.report(grace="0")
    expected = truth(run)
    assert seen(report, "robin-hood") == expected["resizes"] == len(report.findings)
    assert max(replaced_bytes(report)) == expected["largest"] * 8


# --- C libraries ---------------------------------------------------------------

[SYSTEMD_SHARED] = Path("/usr/lib").glob("*/systemd/libsystemd-shared-*.so")
SYSTEMD = (SYSTEMD_SHARED, f"-Wl,-rpath,{SYSTEMD_SHARED.parent}")

C = {
    "glib": ("glib_hash.c", "glib-hash", {"packages": ("glib-2.0",)}),
    "stb": ("stb_hash.c", "stb-ds", {}),
    "khash": ("klib_hash.c", "khash", {}),
    "khash-O3": ("klib_hash.c", "khash", {"flags": ("-O3", "-g")}),
    "concurrencykit": ("ck_tables.c", "concurrencykit", {"libs": ("-lck",)}),
    "openssl": ("openssl_lhash.c", "openssl-lhash", {"libs": ("-lcrypto",)}),
    "libiberty": ("iberty_htab.c", "libiberty-htab", {"libs": ("-liberty",)}),
    "json-c": ("json_objects.c", "json-c", {"packages": ("json-c",)}),
    "jansson": ("json_objects.c", "jansson", {"packages": ("jansson",), "flags": (*DEBUG, "-DJANSSON")}),
    "systemd": ("systemd_hashmap.c", "systemd-hashmap", {"libs": SYSTEMD}),
    "libevent": ("libevent_map.c", "libevent-map", {"libs": ("-levent",), "flags": FLAT}),
}


@pytest.mark.parametrize("name", C)
def test_c_container(trace, compiled, name):
    source, rule, how = C[name]
    flags, libs = packages(*how["packages"]) if "packages" in how else ([], how.get("libs", ()))
    program = compiled(CONTAINERS / source, flags=[*how.get("flags", DEBUG), *flags], libs=libs,
                       name=name)
    run = trace(program)
    report = run.report()
    assert seen(report, rule) == truth(run)["resizes"]
    quiet(report)


def test_libxml2(trace, compiled):
    flags, libs = packages("libxml-2.0")
    report = trace(compiled(CONTAINERS / "xml_tables.c", flags=[*FLAT, *flags], libs=libs)).report()
    assert seen(report, "libxml2-hash") == 2 * 2
    assert seen(report, "libxml2-dict") == 2
    assert sorted(table["peak_bytes"] for table in report.tables) == [4608 * 32, *2 * [16384 * 48]]
    quiet(report)


def test_concurrencykit_maps_that_are_never_freed(trace, compiled):
    program = compiled(CONTAINERS / "ck_tables.c", flags=DEBUG, libs=["-lck"], name="ck")
    run = trace([program, "keep"])
    report = run.report(grace="0")
    assert seen(report, "concurrencykit") == truth(run)["resizes"] == len(report.findings)
    assert {finding["kind"] for finding in report.findings} == {"leaked"}


def test_apr_keeps_arrays_in_its_pool(trace, compiled):
    flags, libs = packages("apr-1")
    run = trace(compiled(CONTAINERS / "apr_table.c", flags=[*DEBUG, *flags], libs=libs))
    report = run.report(grace="0")
    assert seen(report, "apr-hash") == truth(run)["resizes"] == len(report.findings)
    # Pages of the pool: each finding is a little larger than its array.
    sizes = replaced_bytes(report)
    assert all(8 << 10 << n < size <= (8 << 10 << n) + 8192 for n, size in enumerate(sizes))


def test_bind_moves_buckets_while_it_is_used(trace, compiled):
    program = compiled(CONTAINERS / "bind_ht.c", flags=[*DEBUG, "-D__GNUC_ATOMICS"], libs=["-lisc"])
    run = trace([program, "move"])
    report = run.report()
    assert seen(report, "bind-ht") == truth(run)["resizes"]
    assert report.of(rule="bind-ht") == []


def test_bind_keeps_both_arrays_of_an_idle_table(trace, compiled):
    program = compiled(CONTAINERS / "bind_ht.c", flags=[*DEBUG, "-D__GNUC_ATOMICS"], libs=["-lisc"])
    run = trace([program, "stop"])
    report = run.report(stall="100ms")
    [finding] = report.of(rule="bind-ht")
    assert finding["kind"] == "stuck"
    assert finding["bytes"] == truth(run)["largest"] * 8
    assert finding["new_bytes"] > finding["bytes"]


UTHASH = """
[items]
about = the table of items, made with uthash's macros
grow  = remember
call  = malloc calloc
min   = 256
"""


@pytest.mark.parametrize("flags", [DEBUG, FLAT], ids=["-g", "-O2"])
def test_uthash_by_caller(trace, compiled, flags):
    run = trace(compiled(CONTAINERS / "uthash_table.c", flags=flags), rules=UTHASH)
    report = run.report()
    assert seen(report, "items") == truth(run)["resizes"]
    quiet(report)
