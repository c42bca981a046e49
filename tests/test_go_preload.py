"""Go programs that load the library: their maps are traced from within, without the launcher."""

import json
import os
import re
import signal
import subprocess

import pytest

from support.golang import C_TABLE, Go
from support.waiting import wait_until

STRIPPED = "-ldflags=-s -w"
EXTERNAL = "-ldflags=-linkmode=external"
PIE = "-buildmode=pie"
CHECKED = [("1.19", (PIE,), False), ("1.21", (STRIPPED, PIE), False), ("1.22", (EXTERNAL,), True),
           ("1.23", (EXTERNAL, PIE), True), ("1.24", (PIE,), False)]
SOAKED = [(version, flags, cgo) for version in ("1.19", "1.21", "1.22", "1.23", "1.24")
          for flags, cgo in (((PIE,), False), ((STRIPPED, PIE), False), ((EXTERNAL,), True),
                             ((EXTERNAL, PIE), True)) if (version, flags, cgo) not in CHECKED]
BUILDS = CHECKED + [pytest.param(*build, marks=pytest.mark.soak) for build in SOAKED]
CLOBBER = {"GODEBUG": "clobberfree=1"}


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    build = Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")
    return lambda version="1.23", source="stuck", flags=(PIE,), cgo=False: build(
        version, f"testdata/go/{source}.go", flags=flags, cgo=cgo,
        experiment="noswissmap" if version == "1.24" else "")


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_exactly_the_stuck_maps_are_found(go, trace, version, flags, cgo):
    run = trace([go(version, flags=flags, cgo=cgo), "0.4"], env=CLOBBER)
    truth = [json.loads(line) for line in run.stdout.splitlines() if line[0] == "{"]
    assert run.stdout.endswith("sum 201000\n") and not run.stderr
    report = run.report(stall="100ms")
    stuck = {true["table"]: true for true in truth if true["array"] != "0x0"}
    # On a machine with too much to do any resize can stand still for so long, and be late.
    found = report.of(kind="stuck")
    assert {finding["table"] for finding in found} == set(stuck) and len(found) == len(stuck)
    for finding in found:
        true = stuck[finding["table"]]
        assert (finding["rule"], finding["type"]) == ("go-map", true["type"])
        assert finding["progress"] == {"moved": true["moved"], "of": 1 << (true["log2_buckets"] - 1)}
        assert (finding["array"], finding["new_array"]) == (true["array"], true["new_array"])
        assert true["function"] in [frame["function"] for frame in finding["stack"]]
    [trace_says] = report.traces
    assert trace_says["end"] == "exit" and trace_says["complete"] and trace_says["lost_events"] == 0
    assert trace_says["go"]["liveness_known"]


def stress(go, trace, version, flags, cgo, runs):
    program = go(version, "stress", flags=flags, cgo=cgo)
    plain = subprocess.run([program, "20"], capture_output=True, encoding="utf-8", timeout=60)
    for _ in range(runs):
        run = trace([program, "20"], env=CLOBBER)
        assert run.stdout == plain.stdout and re.fullmatch(r"dropped \d+\n", run.stderr)
        report = run.report(stall="0")
        assert report.traces[0]["lost_events"] == 0 and report.totals["resizes"] > 3000


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_stress(go, trace, version, flags, cgo):
    stress(go, trace, version, flags, cgo, runs=4)


@pytest.mark.soak
@pytest.mark.parametrize("version, flags, cgo", CHECKED + SOAKED)
def test_much_stress(go, trace, version, flags, cgo):
    stress(go, trace, version, flags, cgo, runs=20)


def test_swiss_maps(trace, tmp_path_factory):
    program = Go(tmp_path_factory.mktemp("swiss"))("1.24", flags=(PIE,))
    run = trace([program, "0"], input="\n")
    assert run.stdout.endswith("sum 201000\n") and run.check() == 0
    assert "Swiss maps" in run.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signal(go, trace, number):
    """What was seen up to then is in the trace."""
    run = trace.start([go(), "60"])
    wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
    wait_until(lambda: len(run.report(stall="10ms").of(kind="stuck")) == 2, what="both to be stuck")
    run.stop(number)
    assert run.status == -number
    assert len(run.report(stall="10ms").of(kind="stuck")) == 2


@pytest.mark.parametrize("flags, cgo", [((PIE,), False), ((EXTERNAL,), True)])
def test_fork_without_exec(go, trace, flags, cgo):
    run = trace([go("1.22", "fork", flags=flags, cgo=cgo)])
    assert run.stdout == "1000 1000 40\n"
    grown = [row["type"] for row in run.report()["growth"] for _ in range(row["tables"])]
    assert grown.count("map[int]int") == 2 and "map[uint16]string" not in grown


def test_maps_and_tables_in_one_trace(go, trace):
    run = trace([go(source="both", flags=(), cgo=True)], rules=C_TABLE)
    assert len(run.traces) == 1
    report = run.report(stall="300ms")
    [of_go], [of_c] = report.of(rule="go-map"), report.of(rule="my-table")
    assert of_go["type"] == "map[int]int" and of_c["progress"] == {"moved": 3, "of": 10}
    assert [frame["function"] for frame in of_c["stack"]][:2] == ["table_grow", "make_table"]


@pytest.mark.parametrize("ring", ["64K", "1M"])
def test_overload_is_never_called_clean(go, trace, ring):
    """So many events that some may be lost: then that is said."""
    run = trace([go(source="stress"), "20"], ring=ring)
    report = run.report(stall="10s", grace="10s")
    lost = report.traces[0]["lost_events"]
    assert (report.verdict == "inconclusive") == (lost > 0)


@pytest.mark.parametrize("flags, cgo", [((PIE,), False), ((EXTERNAL,), True)])
def test_children_find_their_run(go, trace, flags, cgo):
    """Go passes on the environment that it was started with: nothing is clobbered even so."""
    run = trace([go("1.22", "run", flags=flags, cgo=cgo), "sh", "-c", f"{go()} 0.2; redis-server -v"])
    assert "sum 201000" in run.stdout
    programs = [trace["command"][0] for trace in run.report().traces]
    assert programs[0] == str(go("1.22", "run", flags=flags, cgo=cgo)) and str(go()) in programs
    assert not list(run.folder.glob("*.old"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user(go, trace):
    """No thread is left behind with the rights of before, and tracing goes on."""
    run = trace([go("1.22", "user", flags=(EXTERNAL,), cgo=True)])
    assert run.stdout == "0\n3329\n"
    assert len(run.report(stall="100ms").of(kind="stuck")) == 1


def test_filter_that_kills(go, trace):
    """Set by a bare system call for all threads, ours among them."""
    run = trace([go("1.22", "filter")])
    assert run.stdout == "3329\n"
    assert len(run.report(stall="300ms").of(kind="stuck")) == 1


def test_unknown_code_is_left_alone(go, trace, tmp_path):
    program = tmp_path / "program"
    image = bytearray(go().read_bytes())
    at = image.index(bytes.fromhex("49890b48c7401800000000488b48"))
    image[at] = 0x4b  # the same instruction in other bytes: its index bit counts for nothing
    program.write_bytes(image)
    program.chmod(0o755)
    run = trace([program, "0"], input="\n")
    assert run.stdout.endswith("sum 201000\n") and not run.stderr
    rule = run.report().rule("go-map")
    assert rule["status"] == "blind" and "runtime.advanceEvacuationMark" in rule["reason"]
    assert run.check() == 24


def test_attaching_from_without_is_refused(go, trace, maptrace):
    run = trace.start([go(), "60"])
    wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
    done = subprocess.run([maptrace.maptrace, "attach", str(run.pid)], capture_output=True,
                          encoding="utf-8", cwd=run.folder, timeout=60)
    assert done.returncode == 125 and "libmaptrace.so" in done.stderr
    assert run.alive()


def test_run_traces_each_map_once(go, maptrace, reporter, tmp_path):
    """Long enough for the launcher to look at what it started."""
    done = subprocess.run([maptrace.maptrace, "run", "--", go(), "0.8"], capture_output=True,
                          encoding="utf-8", cwd=tmp_path, timeout=60)
    assert done.returncode == 0 and not done.stderr and done.stdout.endswith("sum 201000\n")
    assert [path.name for path in tmp_path.iterdir()] == ["trace.bin"]
    report = reporter.json(tmp_path / "trace.bin", stall="300ms")
    assert len(report.findings) == 2 and report.traces[0]["go"]["liveness_known"]


def test_switched_off(go, trace):
    run = trace([go(), "0"], input="\n", env={"MAPTRACE_DISABLE": "1"})
    assert run.stdout.endswith("sum 201000\n") and not run.traces
