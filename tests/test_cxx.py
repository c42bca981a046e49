"""
std::unordered_* in programs built in many ways. The programs count their own
bucket_count() changes and say where each table is: that is the truth here.
"""

import shutil
import subprocess
from collections import Counter

import pytest

BUILDS = {
    "g++ -O0": ("gcc", ["-O0"], "libstdc++-unordered"),
    "g++ -O2": ("gcc", ["-O2"], "libstdc++-unordered"),
    "g++ -O2 -g": ("gcc", ["-O2", "-g"], "libstdc++-unordered"),
    "g++ -O3 -flto": ("gcc", ["-O3", "-flto"], "libstdc++-unordered"),
    "clang++ -O0": ("clang", ["-O0"], "libstdc++-unordered"),
    "clang++ -O2": ("clang", ["-O2"], "libstdc++-unordered"),
    "clang++ -O3 -flto": ("clang", ["-O3", "-flto", "-fuse-ld=lld"], "libstdc++-unordered"),
    "libc++ -O0": ("clang", ["-O0", "-stdlib=libc++"], "libc++-unordered"),
    "libc++ -O2": ("clang", ["-O2", "-stdlib=libc++"], "libc++-unordered"),
    "libc++ -O3 -flto": ("clang", ["-O3", "-flto", "-fuse-ld=lld", "-stdlib=libc++"],
                         "libc++-unordered"),
}


@pytest.fixture(params=[(name, stripped) for name in BUILDS for stripped in (False, True)],
                ids=lambda param: param[0] + (" stripped" if param[1] else ""))
def built(request, compiled, tmp_path):
    """built(source) -> (program, rule), for each of BUILDS, plain and stripped"""
    name, stripped = request.param
    compiler, flags, rule = BUILDS[name]

    def build(source):
        program = compiled(f"testdata/programs/{source}", cc=compiler, flags=[*flags, "-pthread"])
        if stripped:
            program = shutil.copy(program, tmp_path)
            subprocess.run(["strip", program], check=True)
        return program, rule
    return build


def truth_of(output):
    """What unordered.cpp printed: (tables as (name, address, bytes, resizes or None), total)."""
    tables = [(name, int(address, 16), int(size), None if resizes == "-" else int(resizes))
              for word, name, address, size, resizes
              in (line.split() for line in output.splitlines() if line.startswith("table"))]
    [total] = [int(line.split()[1]) for line in output.splitlines() if line.startswith("total")]
    return tables, total


def test_every_resize_is_seen_and_every_array_finds_its_table(trace, built):
    program, rule = built("unordered.cpp")
    run = trace([program, "quick"])
    tables, total = truth_of(run.stdout)
    report = run.report()

    assert report.verdict == "clean", report.findings[:3]
    assert report.rule(rule)["status"] == "active"
    assert report.rule(rule)["resizes"] == report.totals["resizes"] == total
    seen = {int(table["table"], 16): table for table in report.tables
            if table["table"] and table["bytes"]}
    assert Counter(table["bytes"] for table in seen.values()) == \
        Counter(size for _, _, size, _ in tables)
    for name, address, size, resizes in tables:
        assert address in seen, f"{name} at {address:#x} is missing"
        assert seen[address]["bytes"] == size, name
        assert len(seen[address]["arrays"]) == 1, name
        if resizes is not None:
            assert seen[address]["resizes"] == resizes, name


def test_a_program_that_ends_in_order_is_clean(trace, built):
    program, rule = built("unordered.cpp")
    run = trace([program])
    _, total = truth_of(run.stdout)
    report = run.report(grace="0")
    assert report.verdict == "clean", report.findings[:3]
    assert report.rule(rule)["resizes"] == total
    assert report.traces[0]["end"] == "exit"
    assert run.check() == 0


def test_a_table_that_is_long_at_work_is_clean(trace, built):
    program, rule = built("slow_hash.cpp")
    run = trace([program])
    _, total = truth_of(run.stdout)
    report = run.report()
    assert report.verdict == "clean", report.findings[:3]
    assert report.rule(rule)["resizes"] == total


def test_the_one_array_that_an_allocator_forgets_is_leaked(trace, built):
    program, rule = built("leaking_allocator.cpp")
    run = trace([program])
    [[_, table, array, size, new_size]] = map(str.split, run.stdout.splitlines())
    report = run.report()

    assert report.verdict == "findings"
    [finding] = report.findings
    assert (finding["kind"], finding["rule"]) == ("leaked", rule)
    # An allocator with a state stands first in the table, before its array.
    assert 0 <= int(finding["holder"], 16) - int(table, 16) <= 8
    assert int(finding["table"], 16) in (int(table, 16), int(finding["holder"], 16))
    assert int(finding["array"], 16) == int(array, 16)
    assert (finding["bytes"], finding["new_bytes"]) == (int(size), int(new_size))
    assert finding["confidence"] == "exact"
    assert finding["released_ns"] is None
    assert run.check() == 23
