"""Each rule of the catalogue against the container it is for: what the program counts itself must be reported."""

import re
import shutil
import subprocess

import pytest

from support.build import PROJECT

CONTAINERS = PROJECT / "testdata/containers"
DEBUG = ("-O2", "-g")
FLAT = ("-O2",)  # inlined copies have no symbol and no debug info


def packages(*names):
    """What pkg-config says of a package, as (flags, libs)."""
    def ask(option):
        return subprocess.run(["pkg-config", option, *names], check=True, capture_output=True,
                              text=True).stdout.split()
    return ask("--cflags"), ask("--libs")


def llvm():
    def ask(*options):
        return subprocess.run(["llvm-config-14", *options], check=True, capture_output=True,
                              text=True).stdout.split()
    return ask("--cppflags"), ask("--ldflags", "--libs", "core", "--link-shared")


def truth(run):
    """The numbers that a driver printed: {"resizes": 12, ...}"""
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", run.stdout, re.M)}


def seen(report, rule):
    """How many resizes RULE saw; it must be active, and nothing may be amiss."""
    status = report.rule(rule)
    assert status["status"] == "active", status
    return status["resizes"]


def quiet(report):
    assert report.findings == []
    assert report.totals["unfinished"] == 0
    assert report.traces[0]["lost_events"] == 0


def replaced_bytes(report):
    """Sizes of the arrays that are findings, sorted."""
    return sorted(finding["bytes"] for finding in report.findings)


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

C = {
    "glib": ("glib_hash.c", "glib-hash", {"packages": ("glib-2.0",)}),
    "stb": ("stb_hash.c", "stb-ds", {}),
    "khash": ("klib_hash.c", "khash", {}),
    "khash-O3": ("klib_hash.c", "khash", {"flags": ("-O3", "-g")}),
    "concurrencykit": ("ck_tables.c", "concurrencykit", {"libs": ("-lck",)}),
    "openssl": ("openssl_lhash.c", "openssl-lhash", {"libs": ("-lcrypto",)}),
    "libiberty": ("iberty_htab.c", "libiberty-htab", {"libs": ("-liberty",)}),
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


# --- stock programs --------------------------------------------------------------

def script(name):
    return CONTAINERS / name


def test_perl(trace):
    report = trace(["perl", script("hash.pl")]).report()
    # 8 to 131072 buckets; 8 to 1024, which are then used again; and the table of shared keys.
    assert seen(report, "perl-hash") >= 14 + 7
    quiet(report)


def test_ruby(trace):
    report = trace(["ruby3.1", script("hash.rb")]).report()
    # Entries and bins of words (16 to 131072) and numbers (16 to 32768), and of 20 with 1024.
    assert seen(report, "ruby-st") >= 13 + 11 + 20 * 6
    assert report.findings == []


def test_php(trace):
    report = trace(["php8.2", "-n", script("hash.php")], env={"USE_ZEND_ALLOC": "0"}).report()
    # 8 to 131072; 20 times 8 to 1024; the list 8 to 65536.
    assert seen(report, "php-hash") >= 14 + 20 * 7 + 13
    quiet(report)


def test_php_with_its_own_heap_is_blind(trace):
    rule = trace(["php8.2", "-n", script("hash.php")]).report().rule("php-hash")
    assert rule["status"] == "blind"
    assert "USE_ZEND_ALLOC=0" in rule["reason"]


def test_tcl(trace):
    report = trace(["tclsh8.6", script("hash.tcl")]).report()
    # Arrays of 4096, 16384 and 65536 buckets are seen: words and map have all, five small dicts two.
    assert seen(report, "tcl-hash") == 2 * 2 + 5
    quiet(report)


def test_bash(trace):
    report = trace(["bash", script("hash.sh")]).report()
    # 1024 buckets, and four times as many whenever there are two entries in each.
    assert seen(report, "bash-hash") >= 3
    assert max(table["peak_bytes"] for table in report.tables
               if table["rule"] == "bash-hash") == 65536 * 8
    quiet(report)


def test_zsh(trace):
    report = trace(["zsh", "-f", script("hash.zsh")]).report()
    # Seventeen buckets, four times as many whenever twice as many entries are in.
    assert seen(report, "zsh-hash") >= 5
    quiet(report)


def test_make(trace):
    makefile = "".join(f"v{i} := x{i}\n" for i in range(20000))
    makefile += "".join(f"t{i}: d{i}; @:\n" for i in range(4000))
    run = trace(["make", "-rR", "-p", "-f", "-", "t1", "-k"], input=makefile, status=None)
    report = run.report()
    counted = [int(count) for count in re.findall(r"hash-table stats:\n# .*Rehash=(\d+)", run.stdout)]
    assert seen(report, "make-hash") == sum(counted)
    quiet(report)


def test_sqlite(trace):
    statements = "".join(f"create table t{i}(a);" for i in range(200))
    report = trace(["sqlite3", ":memory:"], input=statements).report()
    # Its tables of functions and of tables: 328, then 1032 bytes, the most it takes.
    assert seen(report, "sqlite-hash") == 2
    quiet(report)


def test_openssl(trace):
    report = trace(["openssl", "list", "-digest-algorithms"]).report()
    assert seen(report, "openssl-lhash") > 10
    quiet(report)


def test_glib_program(trace):
    report = trace(["gio", "mime", "text/plain"], status=None).report()
    assert report.rule("glib-hash")["status"] in ("active", "idle")
    quiet(report)


@pytest.fixture(scope="session")
def object_file(tmp_path_factory):
    """An object with 12000 symbols, and its assembly."""
    folder = tmp_path_factory.mktemp("symbols")
    (folder / "many.c").write_text("".join(f"int sym_{i}(void) {{ return {i}; }}\n"
                                           for i in range(12000)))
    subprocess.run(["gcc", "-O0", "-S", "many.c"], cwd=folder, check=True)
    subprocess.run(["as", "-o", "many.o", "many.s"], cwd=folder, check=True)
    return folder


def test_linker_keeps_its_arrays(trace, object_file):
    report = trace(["ld", "-shared", "-o", "many.so", object_file / "many.o"]).report(grace="0")
    assert seen(report, "bfd-hash") >= 3
    tables = {}
    for finding in report.of(rule="bfd-hash"):
        tables.setdefault(finding["table"], []).append(finding["bytes"])
    # Symbols, their names, and names of sections: 4051 buckets, 4093, 8191; and 16381 in use.
    assert {tuple(sorted(sizes)) for sizes in tables.values()} == {(32424, 32760, 65544)}
    assert len(report.findings) == seen(report, "bfd-hash")


def test_assembler(trace, object_file):
    report = trace(["as", "-o", "many.o", object_file / "many.s"]).report(grace="10ms")
    # Its symbols: 31 to 65521 slots.
    assert seen(report, "libiberty-htab") == 11
    assert report.of(rule="libiberty-htab") == []


def test_postgres(trace, tmp_path):
    binaries = "/usr/lib/postgresql/15/bin"
    shutil.chown(tmp_path, "postgres")
    for part in tmp_path.parents:
        if part.stat().st_mode & 0o001 == 0 and part.owner() == "root":
            part.chmod(part.stat().st_mode | 0o011)
    as_postgres = ["gosu", "postgres"]
    subprocess.run([*as_postgres, f"{binaries}/initdb", "-D", tmp_path / "data", "-A", "trust", "-N"],
                   check=True, capture_output=True)
    query = ("create table t as select i, md5(i::text) s from generate_series(1, 100000) i; "
             "select count(*) from (select s, count(*) from t group by s) q;\n")
    output = tmp_path / "trace.bin"
    run = trace([*as_postgres, f"{binaries}/postgres", "--single", "-D", tmp_path / "data",
                 "postgres"], input=query, env={"MAPTRACE_OUTPUT": output})
    report = run.reporter.json(output)
    assert seen(report, "postgresql-simplehash") >= 7
    quiet(report)


# --- blind -----------------------------------------------------------------------

@pytest.mark.parametrize("command, rule", [
    (["lua5.4", CONTAINERS / "hash.lua"], "lua-table"),
    (["luajit", CONTAINERS / "hash.lua"], "luajit-table"),
    (["gawk", "BEGIN { a[1] }"], "gawk-array"),
    (["git", "version"], "git-hashmap"),
    (["git", "version"], "git-objects"),
    (["du", "-l", CONTAINERS], "gnulib-hash"),
])
def test_blind(trace, command, rule):
    status = trace(command).report().rule(rule)
    assert status["status"] == "blind", status
    assert status["reason"]


def test_lua_with_symbols(trace, compiled):
    host = compiled(CONTAINERS / "lua_host.c", flags=[*DEBUG, "-I/usr/include/lua5.4"],
                    libs=["-l:liblua5.4.a", "-lm", "-ldl"])
    report = trace([host, script("hash.lua")]).report()
    # 4 to 131072 nodes; 20 times 4 to 1024.
    assert seen(report, "lua-table") >= 15 + 20 * 8
    quiet(report)


def test_python(trace):
    report = trace(["python3.11", "-I", script("hash.py")]).report()
    assert seen(report, "cpython-dict") >= 5
    quiet(report)


GROWER = """
#include <stdlib.h>
static void *table;
__attribute__((noinline)) static void my_grow(size_t bytes)
{
    void *old = table;
    table = malloc(bytes);
    free(old);
}
void lua_callk(void) {}
int main(void)
{
    for (int i = 1; i < 10; i++)
        my_grow(i * 1000);
}
"""
GROWER_RULE = "[mine]\ngrow = my_grow\n"


@pytest.fixture
def grower(tmp_path):
    """grower(options...) -> a new copy of GROWER, compiled"""
    def build(*options):
        (tmp_path / "grower.c").write_text(GROWER)
        subprocess.run(["gcc", "-O2", "-g", *options, "-o", tmp_path / "grower", tmp_path / "grower.c"],
                       check=True)
        return tmp_path / "grower"
    return build


def test_debug_file_that_only_a_link_names(trace, grower, tmp_path):
    program = grower("-Wl,--build-id=none")
    for command in (["--only-keep-debug", program, tmp_path / "grower.dbg"], ["--strip-all", program],
                    [f"--add-gnu-debuglink={tmp_path / 'grower.dbg'}", program]):
        subprocess.run(["objcopy", *command], check=True)
    assert seen(trace(program, rules=GROWER_RULE).report(), "mine") > 0


def test_debug_information_that_cannot_be_read_is_spoken_of(trace, grower, tmp_path):
    program = grower()
    (tmp_path / "junk").write_bytes(b"\xff\xee" * 100)
    subprocess.run(["objcopy", f"--update-section=.debug_info={tmp_path / 'junk'}", program], check=True)
    assert "functions may be missing: grower" in trace(program, rules=GROWER_RULE).report().rule("mine")["reason"]


def test_container_that_is_loaded_later_is_blind_too(trace, grower, tmp_path):
    library = grower("-shared", "-fPIC")
    loader = tmp_path / "loader.c"
    loader.write_text('#include <dlfcn.h>\nint main(int count, char **words)\n{\n'
                      'int (*run)(void) = (int (*)(void))dlsym(dlopen(words[1], RTLD_NOW), "main");\n'
                      'return count != 2 || run();\n}\n')
    subprocess.run(["gcc", "-o", tmp_path / "loader", loader], check=True)
    rule = trace([tmp_path / "loader", library]).report().rule("lua-table")
    assert rule["status"] == "blind"
    assert "the container is there" in rule["reason"]


MUSL = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int status;
    void *aligned;

    for (int i = 1; i < 1000; i++)
        free(realloc(calloc(i, 8), i * 100));
    free(posix_memalign(&aligned, 64, 100) ? NULL : aligned);
    if (!fork())
        _exit(malloc(100) ? 4 : 1);
    wait(&status);
    printf("ran %d\\n", WEXITSTATUS(status));
    return 5;
}
"""


def test_descendant_linked_with_musl_runs_untraced(trace, tmp_path):
    (tmp_path / "musl.c").write_text(MUSL)
    subprocess.run(["musl-gcc", "-o", tmp_path / "musl", tmp_path / "musl.c"], check=True)
    run = trace(["sh", "-c", f"{tmp_path}/musl; exit $?"], status=5)
    assert run.stdout == "ran 4\n"
    assert len(run.report().traces) == 1
