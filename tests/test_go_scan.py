"""maptrace scan: the maps of a running Go program that are in the middle of a resize."""

import json
import os
import subprocess

import pytest

from support.golang import Go
from support.waiting import wait_until

STRIPPED = "-ldflags=-s -w"
CHECKED = [
    ("1.19", (), False, ""),
    ("1.19", (STRIPPED,), False, ""),
    ("1.23", (), False, ""),
    ("1.23", (STRIPPED, "-buildmode=pie"), False, ""),
]
SOAKED = [(version, flags, cgo, experiment)
          for version in ("1.19", "1.21", "1.22", "1.23", "1.24")
          for flags in ((), (STRIPPED,), ("-buildmode=pie",), (STRIPPED, "-buildmode=pie"))
          for cgo in (False, True)
          for experiment in (("noswissmap",) if version == "1.24" else ("",))
          if (version, flags, cgo, experiment) not in CHECKED]
BUILDS = CHECKED + [pytest.param(*build, marks=pytest.mark.soak) for build in SOAKED]


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


@pytest.fixture
def start(trace):
    """Starts a program untraced and waits until it is ready: its Run."""
    def start(program):
        run = trace.start([program, "60"], traced=False)
        wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
        return run
    return start


def scan(maptrace, pid, *options, **keywords):
    return subprocess.run([maptrace.maptrace, "scan", *options, str(pid)], capture_output=True,
                          encoding="utf-8", timeout=60, **keywords)


def scan_json(maptrace, pid):
    done = scan(maptrace, pid, "--format=json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("version, flags, cgo, experiment", BUILDS)
def test_exactly_the_open_maps_are_found(maptrace, go, start, version, flags, cgo, experiment):
    run = start(go(version, flags=flags, cgo=cgo, experiment=experiment))
    truth = [json.loads(line) for line in run._log("stdout").splitlines() if line[0] == "{"]
    stuck = {true["type"]: true for true in truth if true["array"] != "0x0"}
    assert set(stuck) == {"map[string]main.Session", "map[int]int"}

    report = scan_json(maptrace, run.pid)
    assert report["go"]["version"].startswith("go" + version)
    assert report["go"]["maps"] == "classic"
    assert {said["type"] for said in report["resizes"]} == set(stuck)
    assert len(report["resizes"]) == 2
    for said in report["resizes"]:
        true = stuck[said["type"]]
        old = 1 << (true["log2_buckets"] - 1)
        # A bucket holds eight entries and marks, and a pointer; an array has 1/16 more of them.
        bucket = {"map[string]main.Session": 8 + 8 * (16 + 24) + 8, "map[int]int": 8 + 8 * 16 + 8}
        assert said["type_confidence"] in ("exact", "inferred")
        assert said["progress"] == {"moved": true["moved"], "of": old}
        assert said["bytes"] == old * 17 // 16 * bucket[said["type"]]
        assert said["new_bytes"] == 2 * said["bytes"]
        assert said["same_size"] is False and said["liveness"] == "unverified"
        assert (said["table"], said["array"], said["new_array"], said["count"],
                said["log2_buckets"], said["overflow_buckets"]) == \
            (true["table"], true["array"], true["new_array"], true["count"],
             true["log2_buckets"], true["overflow"])


def test_text_says_what_is_unverified(maptrace, go, start):
    run = start(go("1.19"))
    done = scan(maptrace, run.pid)
    assert done.returncode == 0
    assert "2 maps are in the middle of a resize" in done.stdout
    assert "map[string]main.Session" in done.stdout
    assert "Liveness unverified" in done.stdout
    assert run.alive()


@pytest.mark.soak
@pytest.mark.parametrize("flags", [(), (STRIPPED, "-buildmode=pie")])
def test_swiss_maps_are_recognised(maptrace, go, start, flags):
    run = start(go("1.24", flags=flags))
    report = scan_json(maptrace, run.pid)
    assert report["go"]["maps"] == "swiss" and report["go"]["can_be_stuck"] is False
    assert report["resizes"] == []
    assert "No old array can be stuck" in scan(maptrace, run.pid).stdout


def test_program_that_is_not_go(maptrace, trace):
    run = trace.start(["sleep", "60"], traced=False)
    done = scan(maptrace, run.pid)
    assert done.returncode == 125 and "not a Go program" in done.stderr and not done.stdout
    assert run.alive()


def test_no_such_process(maptrace):
    child = subprocess.Popen(["true"])
    child.wait()
    done = scan(maptrace, child.pid)
    assert done.returncode == 125 and "no such process" in done.stderr


def test_another_users_process(maptrace, trace):
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    # A build folder that nobody may enter is read by a descriptor's path.
    with open(maptrace.maptrace, "rb") as program:
        done = subprocess.run(
            [f"/proc/self/fd/{program.fileno()}", "scan", str(os.getpid())],
            pass_fds=[program.fileno()], user=65534, group=65534, extra_groups=[],
            capture_output=True, encoding="utf-8")
    assert done.returncode == 125 and "may not be read" in done.stderr


@pytest.mark.parametrize("words", [[], ["1", "2"], ["x"], ["0"], ["-1"], ["--format=xml", "1"]])
def test_bad_usage(maptrace, words):
    done = subprocess.run([maptrace.maptrace, "scan", *words], capture_output=True,
                          encoding="utf-8")
    assert done.returncode == 2 and done.stderr
