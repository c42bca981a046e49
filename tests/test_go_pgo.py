"""Go programs that were built with a profile: calls are inlined, and functions are gone."""

import re
import subprocess

import pytest

from support import pgo
from support.build import PROJECT
from support.golang import Go

INLINED = "runtime.growWork_fast64", "runtime.evacuate_fast64"
# Each is called once in the whole of a resize: no profile of a program shows them as hot.
RARE = ("runtime.hashGrow", "runtime.advanceEvacuationMark")


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


@pytest.fixture
def build(go, tmp_path):
    """Builds stuck.go with a profile, or without: its path."""
    def build(version, cold=None):
        flags = []
        if cold is not None:
            pgo.write(tmp_path / "profile", Go.root(version), cold)
            flags = [f"-pgo={tmp_path / 'profile'}"]
        result = tmp_path / f"program{len(flags)}"
        go.build(version, PROJECT / "testdata/go/stuck.go", flags, False,
                 "noswissmap" if version == "1.24" else "", result)
        return result
    return build


def calls(program, version, caller, callee):
    """How often the code of CALLER calls CALLEE."""
    code = Go.tool(version, "objdump", "-s", f"^{re.escape(caller)}$", program)
    return len(re.findall(rf"CALL {re.escape(callee)}\(SB\)", code))


def run(maptrace, program, folder, *options):
    return subprocess.run([maptrace.maptrace, "run", *options, "--", program, "0.3"], cwd=folder,
                          capture_output=True, encoding="utf-8", timeout=60)


def counts(reporter, folder):
    report = reporter.json(folder / "trace.bin", stall="100ms")
    return ({row["type"]: (row["tables"], row["resizes"], row["replaced_bytes"])
             for row in report["growth"] if "main." in row["type"] or "int" in row["type"]},
            {finding["type"]: (finding["bytes"], finding["go"]["entries"],
                               finding["stack"][0]["function"].split("_")[0],
                               [frame["function"] for frame in finding["stack"][1:3]])
             for finding in report.findings},
            report.traces[0]["lost_events"])


# All packages are compiled anew for a profile.
@pytest.mark.parametrize("version", [pytest.param("1.21", marks=pytest.mark.soak),
                                     pytest.param("1.22", marks=pytest.mark.soak), "1.23",
                                     pytest.param("1.24", marks=pytest.mark.soak)])
def test_same_counts_with_an_extreme_profile(maptrace, reporter, build, tmp_path, version):
    plain, hot = build(version), build(version, RARE)
    assert calls(plain, version, *INLINED) == 2 and calls(hot, version, *INLINED) == 0
    expected = run(maptrace, plain, tmp_path)
    assert expected.returncode == 0 and not expected.stderr
    truth = counts(reporter, tmp_path)
    assert set(truth[1]) == {"map[string]main.Session", "map[int]int"}
    done = run(maptrace, hot, tmp_path)
    assert done.returncode == 0 and not done.stderr and done.stdout.endswith("sum 201000\n")
    assert counts(reporter, tmp_path) == truth


@pytest.mark.soak
def test_a_grow_function_that_is_inlined_everywhere_is_refused(maptrace, build, tmp_path):
    """No profile of a program does that; one that is written by hand can."""
    program = build("1.23", ())
    assert calls(program, "1.23", "runtime.mapassign_fast64", "runtime.hashGrow") == 0
    done = run(maptrace, program, tmp_path, "--check")
    assert done.returncode == 24 and done.stdout.endswith("sum 201000\n")
    assert "its Go maps cannot be traced: its runtime.hashGrow is not" in done.stderr


@pytest.mark.soak
def test_an_end_that_is_inlined_is_refused(maptrace, build, tmp_path):
    """Else resizes would begin, and none be seen to end."""
    program = build("1.23", ("runtime.hashGrow",))
    assert calls(program, "1.23", "runtime.mapassign_fast64", "runtime.hashGrow") == 1
    assert calls(program, "1.23", "runtime.evacuate_fast64", "runtime.advanceEvacuationMark") == 0
    done = run(maptrace, program, tmp_path, "--check")
    assert done.returncode == 24 and done.stdout.endswith("sum 201000\n")
    assert "its runtime.advanceEvacuationMark is inlined into others" in done.stderr
