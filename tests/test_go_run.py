"""maptrace run with Go programs: what they do stays the same, and nothing is missed."""

import json
import os
import re
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from support.build import PROJECT
from support.golang import Go
from support.waiting import wait_until

STRIPPED = "-ldflags=-s -w"
EXTERNAL = "-ldflags=-linkmode=external"
PIE = "-buildmode=pie"
VERSIONS = ("1.19", "1.21", "1.22", "1.23", "1.24")
CHECKED = [("1.19", (), False), ("1.21", (STRIPPED, PIE), False), ("1.22", (STRIPPED,), False),
           ("1.23", (EXTERNAL,), True), ("1.24", (PIE,), False)]
SOAKED = [(version, flags, cgo)
          for version in VERSIONS
          for flags, cgo in (((), False), ((STRIPPED,), False), ((PIE,), False),
                             ((STRIPPED, PIE), False), ((EXTERNAL,), True), ((EXTERNAL, PIE), True))
          if (version, flags, cgo) not in CHECKED]
BUILDS = CHECKED + [pytest.param(*build, marks=pytest.mark.soak) for build in SOAKED]


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


def classic(version):
    return "noswissmap" if version == "1.24" else ""


@pytest.fixture
def launch(maptrace, tmp_path):
    def launch(*command, options=(), env=None, **keywords):
        return subprocess.run([maptrace.maptrace, "run", *options, "--", *map(str, command)],
                              capture_output=True, encoding="utf-8", timeout=120, cwd=tmp_path,
                              env=dict(os.environ, **env or {}), **keywords)
    launch.folder = tmp_path
    return launch


def report(reporter, launch, name="trace.bin"):
    return reporter.json(launch.folder / name, stall="0")


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_exactly_the_stuck_maps_are_found(go, launch, reporter, version, flags, cgo):
    program = go(version, flags=flags, cgo=cgo, experiment=classic(version))
    done = launch(program, "0.3", options=["--check", "--stall=100ms"])
    truth = [json.loads(line) for line in done.stdout.splitlines() if line[0] == "{"]
    assert done.returncode == 23 and done.stdout.endswith("sum 201000\n")
    # On a machine with too much to do any resize can stand still for so long, and be late.
    found = reporter.json(launch.folder / "trace.bin", stall="100ms").of(kind="stuck")
    stuck = {true["table"]: true for true in truth if true["array"] != "0x0"}
    assert {finding["table"] for finding in found} == set(stuck) and len(found) == len(stuck)
    for finding in found:
        true = stuck[finding["table"]]
        assert finding["progress"] == {"moved": true["moved"], "of": 1 << (true["log2_buckets"] - 1)}
        assert (finding["array"], finding["new_array"]) == (true["array"], true["new_array"])
        assert true["function"] in [frame["function"] for frame in finding["stack"]]


def account(go, launch, reporter, version, flags, cgo, runs):
    """Runs under stress: each start of a resize has its end, or the program dropped the map."""
    program = go(version, source="testdata/go/stress.go", flags=flags, cgo=cgo,
                 experiment=classic(version))
    plain = subprocess.run([program, "20"], capture_output=True, encoding="utf-8", timeout=60)
    for _ in range(runs):
        done = launch(program, "20")
        assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout)
        dropped = int(re.fullmatch(r"dropped (\d+)\n", done.stderr)[1])
        assert dropped > 100
        found = report(reporter, launch)
        assert found.traces[0]["lost_events"] == 0 and found.totals["resizes"] > 3000


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_stress(go, launch, reporter, version, flags, cgo):
    account(go, launch, reporter, version, flags, cgo, runs=5)


@pytest.mark.soak
@pytest.mark.parametrize("version, flags, cgo", CHECKED + SOAKED)
def test_much_stress(go, launch, reporter, version, flags, cgo):
    account(go, launch, reporter, version, flags, cgo, runs=20)


@pytest.mark.parametrize("flags, cgo", [((), False), ((PIE,), False), ((EXTERNAL,), True)])
def test_fork_without_exec(go, launch, reporter, flags, cgo):
    """What the child does with its copy of the maps is not taken for the parent's."""
    done = launch(go("1.22", source="testdata/go/fork.go", flags=flags, cgo=cgo))
    assert (done.returncode, done.stdout) == (0, "1000 1000 40\n")
    found = report(reporter, launch)
    grown = [row["type"] for row in found["growth"] for _ in range(row["tables"])]
    assert grown.count("map[int]int") == 2 and "map[uint16]string" not in grown
    assert found.traces[0]["lost_events"] == 0


def test_launcher_that_is_killed(go, trace, maptrace, reporter):
    """The program goes on, and somebody else may take its place."""
    run = trace.start([maptrace.maptrace, "run", "--", go("1.23"), "60"], traced=False)
    wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
    child = int(subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True).stdout)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    process = subprocess.Popen([maptrace.maptrace, "attach", "-o", run.folder / "other.bin",
                                str(child)], stderr=subprocess.PIPE, encoding="utf-8")
    try:
        assert "recording" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "detached" in process.communicate(timeout=30)[1]
        assert os.path.exists(f"/proc/{child}/exe")
    finally:
        os.kill(child, signal.SIGKILL)
    found = reporter.json(run.folder / "other.bin", stall="1ms")
    assert len(found.of(kind="stuck")) == 2


def test_launcher_that_gets_no_chance_to_look(go, maptrace, reporter, tmp_path):
    """The map was in use when it was seen last, and is dead at the end: nobody knows."""
    run = subprocess.Popen([maptrace.maptrace, "run", "--", go("1.23", source="testdata/go/lives.go"), "unseen"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=tmp_path)
    assert run.stdout.readline() == "ready\n"
    wait_until(lambda: reporter.json(tmp_path / "trace.bin", stall="1ms").of(kind="stuck"),
               what="the map to be seen")
    child = int(subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True).stdout)
    os.kill(run.pid, signal.SIGSTOP)
    wait_until(lambda: all(") T" in path.read_text() for path in Path(f"/proc/{run.pid}").glob("task/*/stat")),
               what="the launcher to stop")
    run.stdin.close()
    wait_until(lambda: ") Z" in open(f"/proc/{child}/stat").read(), what="the program to end")
    os.kill(run.pid, signal.SIGCONT)
    assert run.wait(30) == 0
    found = reporter.json(tmp_path / "trace.bin", stall="1ms")
    assert found.verdict == "inconclusive" and found.totals["undecided"] == 1
    assert "in the last moment" in " ".join(reporter.text(tmp_path / "trace.bin", stall="1ms").split())


@pytest.mark.parametrize("flags", [(), (PIE,)])
def test_swiss_maps(go, launch, reporter, flags):
    done = launch(go("1.24", flags=flags), "0", options=["--check"], input="\n")
    assert done.returncode == 0 and done.stdout.endswith("sum 201000\n")
    [said] = report(reporter, launch).traces[0]["messages"]
    assert re.fullmatch(r"Swiss maps: [1-9]\d* tables .* and [1-9]\d* were split; what they left stayed "
                        r"until the next garbage collection, at the least: \d+ (us|ms) on average, "
                        r"\d+ (us|ms) at most", said), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_signal(go, trace, maptrace, number):
    run = trace.start([maptrace.maptrace, "run", "--", go("1.23"), "60"], traced=False)
    wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
    child = int(subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True).stdout)
    assert "TracerPid:\t0" in open(f"/proc/{child}/status").read()
    os.kill(child if number == signal.SIGKILL else run.pid, number)
    run.wait()
    assert run.status == 128 + number


def test_environment(go, launch):
    show = "testdata/go/environment.go"
    assert "GODEBUG=clobberfree=1\n" in launch(go("1.23", source=show)).stdout
    done = launch(go("1.23", source=show), env={"GODEBUG": "gctrace=0,clobberfree=0"})
    assert "GODEBUG=clobberfree=1,gctrace=0,clobberfree=0\n" in done.stdout
    assert "GODEBUG" not in launch(go("1.23", source=show), options=["--no-clobberfree"]).stdout
    assert "GODEBUG" not in launch(go("1.24", source=show)).stdout


def unknown_code(go, launch):
    """A program whose advanceEvacuationMark is like no compiler's."""
    program = launch.folder / "program"
    image = bytearray(go("1.23", source="testdata/go/environment.go").read_bytes())
    at = image.index(bytes.fromhex("49890b48c7401800000000488b48"))
    image[at] = 0x4b  # the same instruction in other bytes: its index bit counts for nothing
    program.write_bytes(image)
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("status", [0, 3])
def test_unknown_code_is_left_alone(go, launch, status):
    done = launch(unknown_code(go, launch), str(status), options=["--check"])
    assert done.returncode == (status or 24) and done.stdout
    assert "its Go maps cannot be traced: the code of its runtime.advanceEvacuationMark" in done.stderr
    assert done.stderr.count("cannot be traced") == 1


def test_switched_off(go, launch):
    done = launch(go("1.23", source="testdata/go/environment.go"), env={"MAPTRACE_DISABLE": "1"})
    assert done.returncode == 0 and not done.stderr and "GODEBUG" not in done.stdout
    assert not (launch.folder / "trace.bin").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_unprivileged_user(go, maptrace, reporter, socket_folder):
    """Without any capability, as anybody runs it."""
    program = socket_folder / "program"
    program.write_bytes(go("1.22").read_bytes())
    program.chmod(0o755)
    socket_folder.chmod(0o777)
    for name in ("maptrace", "libmaptrace.so"):
        (socket_folder / name).write_bytes((maptrace.maptrace.parent / name).read_bytes())
        (socket_folder / name).chmod(0o755)
    done = subprocess.run([socket_folder / "maptrace", "run", "--", program, "0.3"], user=65534,
                          group=65534, extra_groups=[], capture_output=True, encoding="utf-8",
                          cwd=socket_folder, timeout=60)
    assert done.returncode == 0 and not done.stderr and done.stdout.endswith("sum 201000\n")
    found = reporter.json(socket_folder / "trace.bin", stall="100ms")
    assert len(found.of(kind="stuck")) == 2


# --- Go programs that others start ----------------------------------------------


def traces(launch):
    return sorted(path.name for path in launch.folder.iterdir() if path.name.startswith("trace.bin"))


def test_programs_of_a_script(go, launch, reporter):
    """Each has a trace of its own; one that was executed instead of the shell has, too."""
    script = launch.folder / "script"
    script.write_text(f"""#!/bin/sh
{go("1.23")} 1.5 >one &
{go("1.19", flags=(STRIPPED, PIE))} 1.5 >two &
wait
exec {go("1.22")} 1.5
""")
    script.chmod(0o755)
    done = launch(script)
    assert done.returncode == 0 and not done.stderr and done.stdout.endswith("sum 201000\n")
    for name in ("one", "two"):
        assert (launch.folder / name).read_text().endswith("sum 201000\n")
    names = traces(launch)
    assert len(names) == 4 and "trace.bin" in names
    found = reporter.json(*[launch.folder / name for name in names])
    by_command = {trace["command"][0]: trace for trace in found.traces}
    assert {str(go("1.23")), str(go("1.22"))} < set(by_command)
    assert all(trace["end"] == "exit" for trace in found.traces)


def test_short_lives_leave_no_litter(go, launch):
    show = go("1.23", source="testdata/go/environment.go")
    done = launch("sh", "-c", f"for i in 1 2 3 4 5; do {show}; done; sleep 0.3; {show}")
    assert done.returncode == 0 and not done.stderr
    assert traces(launch) == ["trace.bin"]


def test_program_that_outlives_the_command(go, launch):
    program = go("1.23")
    done = launch("sh", "-c", f"{program} 3 >out & echo $!; sleep 0.7")
    child = int(done.stdout)
    assert done.returncode == 0 and not done.stderr
    wait_until(lambda: (launch.folder / "out").read_text().endswith("sum 201000\n"),
               what="the program to end")
    assert not os.path.exists(f"/proc/{child}/exe")


def test_program_of_a_go_program(go, launch, reporter):
    """A Go program in place of a Go program, and then C."""
    done = launch("gosu", "root", go("1.22"), "1")
    assert done.returncode == 0 and not done.stderr and done.stdout.endswith("sum 201000\n")
    assert len(traces(launch)) == 2
    assert {len(trace["command"]) for trace in reporter.json(launch.folder).traces} == {4, 2}


def test_refusal_of_a_descendant_is_inconclusive(go, launch):
    program = unknown_code(go, launch)
    done = launch("sh", "-c", f"{program} 0 1; true", options=["--check"])
    assert done.returncode == 24
    assert done.stderr.count("its Go maps cannot be traced") == 1


def test_programs_that_end_when_they_are_attached_to(go, launch):
    """A thread that dies while it is traced keeps its parent waiting until that is noted."""
    programs = [go("1.23", source="testdata/go/stress.go"),
                go("1.19", source="testdata/go/stress.go", flags=(PIE,))]
    script = "".join(f"{programs[0]} {3 + i % 9} >/dev/null 2>&1 || echo bad &\n"
                     f"{programs[1]} {3 + i % 9} >/dev/null 2>&1 || echo bad\nwait\n"
                     for i in range(12))
    done = launch("sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("flags", [(STRIPPED,), (STRIPPED, PIE)])
def test_no_section_headers(go, launch, reporter, flags):
    program = launch.folder / "program"
    image = bytearray(go("1.22", flags=flags).read_bytes())
    struct.pack_into("<Q", image, 0x28, 0)  # e_shoff
    struct.pack_into("<HH", image, 0x3c, 0, 0)  # e_shnum, e_shstrndx
    program.write_bytes(image)
    program.chmod(0o755)
    done = launch(program, "0.3")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("sum 201000\n")
    assert len(reporter.json(launch.folder / "trace.bin", stall="100ms").of(kind="stuck")) == 2
