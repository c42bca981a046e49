"""
HashMap and HashSet of Rust. The program counts its own capacity() changes and
says where each table is: that is the truth here.
"""

import re
import subprocess
from pathlib import Path

import pytest

RULE = "hashbrown"


def test_every_resize_is_seen(trace, compiled):
    run = trace([compiled("testdata/programs/maps.rs"), "quick"])
    report = run.report()
    tables = re.findall(r"^table (\w+) (0x\w+) (\d+) (\d+)$", run.stdout, re.M)
    [total] = map(int, re.findall(r"^total (\d+)$", run.stdout, re.M))

    assert len(tables) == 5
    assert report.verdict == "clean", report.findings[:3]
    assert report.rule(RULE)["status"] == "active"
    assert report.rule(RULE)["resizes"] == report.totals["resizes"] == total
    for name, address, size, resizes in tables:
        address, size = int(address, 16), int(size)
        # A HashMap holds the table proper beside the keys of its hasher.
        [table] = [one for one in report.tables
                   if address <= int(one["table"] or "0", 16) < address + size]
        assert table["resizes"] == int(resizes), name
        assert len(table["arrays"]) == 1, name


def test_a_program_that_ends_in_order_is_clean(trace, compiled):
    run = trace([compiled("testdata/programs/maps.rs")])
    report = run.report(grace="0")
    assert report.verdict == "clean"
    assert report.rule(RULE)["resizes"] == int(re.search(r"^total (\d+)$", run.stdout, re.M)[1])
    assert run.check() == 0


def compilers():
    """Every rustc here: Debian's, and one of the user's own."""
    found = [path for path in (Path("/usr/bin/rustc"),) if path.exists()]
    rustup = Path.home() / ".cargo/bin/rustc"
    if rustup.exists():
        # The program behind rustup's proxy.
        sysroot = subprocess.run([rustup, "--print", "sysroot"], capture_output=True, text=True,
                                 check=True).stdout.strip()
        found.append(Path(sysroot) / "bin/rustc")
    return found


@pytest.mark.parametrize("compiler", compilers(), ids=str)
def test_the_compiler_itself_is_blind_and_says_why(trace, tmp_path, compiler):
    """rustc's tables are out of reach: its malloc is in the executable, or its functions have no names."""
    (tmp_path / "small.rs").write_text("fn main() { println!(\"{}\", 1); }")
    run = trace([compiler, "-o", tmp_path / "small", tmp_path / "small.rs"], timeout=30)
    symbols = subprocess.run(["nm", "-D", "--defined-only", compiler], capture_output=True,
                             text=True).stdout
    rule = run.report().rule(RULE)
    assert rule["status"] == "blind"
    assert rule["resizes"] == 0
    if re.search(r" T malloc$", symbols, re.M):
        assert "the malloc of rustc" in rule["reason"]
    else:
        assert rule["reason"]
