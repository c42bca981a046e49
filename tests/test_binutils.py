"""
GNU ld and as. libbfd keeps every old array of a hash table until the table is
freed. What is true is told by a library that watches the tables themselves.
"""

from collections import Counter

import pytest

RULE = "bfd-hash"
SYMBOLS = 12000
POINTER = 8
CHUNK_HEADER = 16
# Smaller arrays are cut from objalloc's chunks: not allocations of their own.
CHUNK_BYTES = 4096


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("binutils") / "many.s"
    names = [f"a_symbol_{number}" for number in range(SYMBOLS)]
    path.write_text(".text\n.globl _start\n_start: ret\n"
                    + "".join(f".globl {name}\n{name}: nop\n" for name in names))
    return path


@pytest.fixture
def kept_by(trace, compiled, tmp_path):
    """kept_by(command) -> Counter of (old bytes, new bytes), each in a malloc block of its own"""
    library = compiled("testdata/programs/bfd_growth.c", flags=["-O2", "-fPIC", "-shared"],
                       name="bfd_growth.so")

    def watch(command):
        told = tmp_path / "growth"
        trace(command, traced=False, env={"LD_PRELOAD": library, "BFD_GROWTH": told})
        lines = [line.split() for line in told.read_text().splitlines()]
        freed = {line[1] for line in lines if line[0] == "freed"}
        grown = [line for line in lines if line[0] == "grown"]
        assert {line[1] for line in grown} <= freed, "a table was never freed"
        blocks = [tuple(POINTER * int(line[column]) + CHUNK_HEADER for column in (3, 5))
                  for line in grown]
        return Counter(sizes for sizes in blocks if sizes[0] >= CHUNK_BYTES)
    return watch


def check_kept_arrays(run, truth, program):
    report = run.report(grace="0", min_bytes=CHUNK_BYTES)
    findings = report.of(rule=RULE)
    assert Counter((one["bytes"], one["new_bytes"]) for one in findings) == truth
    assert len({(one["pid"], one["array"], one["replaced_ns"]) for one in findings}) == len(findings)
    for finding in findings:
        # Freed with its table, long after its resize.
        assert finding["kind"] == "late"
        assert finding["released_ns"] is not None
        assert finding["overstay_ns"] == finding["released_ns"] - finding["resize_end_ns"] > 0
        functions = [frame["function"] for frame in finding["stack"]]
        assert "bfd_hash_insert" in functions
        assert any(program in frame["module"] for frame in finding["stack"])
    return report


def test_ld_keeps_the_arrays_of_its_symbol_tables(trace, kept_by, source, tmp_path):
    trace(["as", source, "-o", tmp_path / "many.o"], traced=False)
    command = ["ld.bfd", tmp_path / "many.o", "-o", tmp_path / "many"]
    truth = kept_by(command)
    # 4051 -> 4093 -> 8191 -> 16381 buckets: the symbols, and their names.
    assert truth == {(32424, 32760): 2, (32760, 65544): 2, (65544, 131064): 2}

    run = trace(command)
    report = check_kept_arrays(run, truth, "ld")
    assert report.verdict == "findings"
    assert report.totals["findings"] == truth.total()
    assert len({one["table"] for one in report.findings}) == 2
    # Each table's arrays are a chain: what replaced one is the next one's old array.
    for table in {one["table"] for one in report.findings}:
        chain = sorted((one for one in report.findings if one["table"] == table),
                       key=lambda one: one["replaced_ns"])
        for before, after in zip(chain, chain[1:]):
            assert before["new_array"] == after["array"]


def test_as_keeps_arrays_of_its_output(trace, kept_by, source, tmp_path):
    command = ["as", source, "-o", tmp_path / "many.o"]
    truth = kept_by(command)
    assert truth
    check_kept_arrays(trace(command), truth, "as")
