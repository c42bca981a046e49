"""Each rule of the catalogue against the stock program it is for."""

import re
import shutil
import subprocess

import pytest

from support.catalogue import CONTAINERS, DEBUG, quiet, seen


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
