"""
Stock interpreters. The scripts grow tables and print what is true of each, as
far as it comes from malloc: where it is (if the language can tell), the bytes
of its array at the end and how often one array replaced another.
"""

import re
import shutil
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

SCRIPTS = "testdata/programs/scripts"


@pytest.fixture
def run_script(trace):
    """
    run_script(interpreter, script) -> (Run, its tables as [(address or None, bytes, resizes)]),
    of one KIND if the script tells kinds
    """
    def run(interpreter, script, kind=r"\w+", **options):
        path = Path(__file__).resolve().parents[1] / SCRIPTS / script
        run = trace([shutil.which(interpreter) or interpreter, path], **options)
        tables = [(address and int(address, 16), int(size), int(resizes))
                  for address, size, resizes
                  in re.findall(rf"^table (?:{kind} )??(0x\w+)? ?(\d+) (\d+)$", run.stdout, re.M)]
        assert tables, run.stdout
        return run, tables
    return run


def check_addresses(report, rule, tables):
    """Each table of the script is in the report, with its last array and all its resizes."""
    assert report.rule(rule)["status"] == "active"
    for address, size, resizes in tables:
        # A table that is gone may have stood at the same address.
        [table] = [one for one in report.tables
                   if one["rule"] == rule and one["table"] == hex(address) and one["arrays"]]
        assert (table["bytes"], table["resizes"]) == (size, resizes)


def is_blind(report, name):
    """Whether the rule admits that it cannot see: then with a reason and without a resize."""
    rule = report.rule(name)
    if rule["status"] == "blind":
        assert "symbols" in rule["reason"] or "stripped" in rule["reason"]
        assert rule["resizes"] == 0
    return rule["status"] == "blind"


def check_clean(run):
    """No findings, however small the grace: old arrays are freed in the resize itself."""
    report = run.report(grace="0")
    assert report.verdict == "clean", report.findings[:3]
    assert run.check() == 0
    return report


def test_python_dicts(run_script):
    run, tables = run_script("/usr/bin/python3.11", "dicts.py", kind="dict")
    assert len(tables) == 6
    check_addresses(check_clean(run), "cpython-dict", tables)


def test_python_sets(run_script):
    run, tables = run_script("/usr/bin/python3.11", "dicts.py", kind="set")
    assert len(tables) == 3
    report = check_clean(run)
    if not is_blind(report, "cpython-set"):
        check_addresses(report, "cpython-set", tables)


def test_python_compiles_its_library(trace, tmp_path):
    library = Path(sysconfig.get_path("stdlib")) / "json"
    shutil.copytree(library, tmp_path / "json", ignore=shutil.ignore_patterns("__pycache__"))
    for name in "argparse.py", "typing.py", "_pydecimal.py":
        shutil.copy(library.parent / name, tmp_path / "json")
    run = trace(["/usr/bin/python3.11", "-m", "compileall", "-q", "-f", tmp_path / "json"])
    report = check_clean(run)
    assert len(list((tmp_path / "json/__pycache__").glob("*.pyc"))) >= 8
    assert report.rule("cpython-dict")["status"] == "active"
    assert report.rule("cpython-dict")["resizes"] > 10


def test_perl_hashes(run_script):
    run, tables = run_script("perl", "hashes.pl")
    check_addresses(check_clean(run), "perl-hash", tables)


def test_ruby_hashes(run_script):
    """Ruby does not say where a st_table is; its two arrays give it away by their sizes."""
    run, tables = run_script("ruby", "hashes.rb")
    report = check_clean(run)
    seen = Counter((table["bytes"], table["resizes"]) for table in report.tables
                   if table["rule"] == "ruby-st" and len(table["arrays"]) == 2)
    for _, entries, resizes in tables:
        # 24 bytes an entry; and two bins for each, of 1, 2, 4 or 8 bytes.
        capacity = entries // 24
        bins = 2 * capacity * (1 if capacity <= 128 else 2 if capacity <= 32768 else 4)
        assert seen[entries + bins, resizes] == 1, seen


def test_php_arrays_in_its_own_heap_are_out_of_sight(run_script):
    run, tables = run_script("php", "arrays.php", env={"USE_ZEND_ALLOC": None})
    report = check_clean(run)
    rule = report.rule("php-hash")
    # The engine's own tables are from malloc even so.
    assert rule["status"] in ("blind", "active")
    assert "USE_ZEND_ALLOC=0" in rule["reason"]
    assert "USE_ZEND_ALLOC=0" in run.text()
    largest = max(size for _, size, _ in tables)
    assert not any(table["peak_bytes"] >= largest for table in report.tables)


def test_php_arrays_from_malloc(run_script):
    run, tables = run_script("php", "arrays.php", env={"USE_ZEND_ALLOC": "0"})
    report = check_clean(run)
    assert report.rule("php-hash")["status"] == "active"
    seen = Counter((table["peak_bytes"], table["resizes"]) for table in report.tables
                   if table["rule"] == "php-hash")
    for _, size, resizes in tables:
        assert seen[size, resizes] == 1, seen


def test_lua_hides_its_functions(run_script):
    """Neither a resize nor silence: the rules are blind, and that is no pass."""
    run, _ = run_script("lua5.4", "tables.lua")
    report = run.report()
    for name in "lua-table", "lua-strings":
        rule = report.rule(name)
        assert rule["status"] == "blind" and rule["resizes"] == 0
        assert "stripped" in rule["reason"]
    assert report.findings == []
    assert report.verdict == "inconclusive"
    assert run.check() == 24


def test_tcl_arrays(run_script):
    """Silence will not do: if the arrays of a stripped libtcl are not seen, the rule says so."""
    run, tables = run_script("tclsh", "arrays.tcl")
    report = run.report(grace="0")
    assert report.findings == []
    if is_blind(report, "tcl-hash"):
        return
    assert report.rule("tcl-hash")["status"] == "active"
    # The bucket array begins behind a header of the allocator.
    seen = Counter((table["peak_bytes"] & ~0xff, table["resizes"]) for table in report.tables
                   if table["rule"] == "tcl-hash")
    for _, size, resizes in tables:
        assert seen[size, resizes] == 1, seen
    assert report.rule("tcl-hash")["resizes"] == sum(resizes for _, _, resizes in tables)


def test_bash_associative_arrays(run_script):
    run, [(_, size, resizes)] = run_script("bash", "arrays.bash")
    report = check_clean(run)
    [table] = [one for one in report.tables
               if one["rule"] == "bash-hash" and one["peak_bytes"] == size]
    assert table["resizes"] == resizes
