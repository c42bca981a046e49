"""Go code that is not simply a program: libraries, plugins, archives, and the race detector."""

import json
import os
import shutil
import subprocess

import pytest

from support.golang import Go

VERSION = "1.23"
LIBRARY = "testdata/go/library.go"


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


@pytest.fixture
def library(go, tmp_path):
    """Builds library.go as KIND, under a name that the loader and linkers know."""
    def library(kind, name):
        path = tmp_path / name
        shutil.copy(go(VERSION, source=LIBRARY, flags=(f"-buildmode={kind}",), cgo=True), path)
        return path
    return library


def launch(maptrace, folder, *command):
    return subprocess.run([maptrace.maptrace, "run", "--check", "--stall=100ms", "--", *map(str, command)],
                          cwd=folder, capture_output=True, encoding="utf-8", timeout=60)


@pytest.fixture(params=["from within", "by the launcher"])
def traced(request, trace, maptrace, reporter, tmp_path):
    """traced(command...) -> (what it said, its report, the answer of --check)"""
    def traced(*command):
        if request.param == "from within":
            run = trace(list(map(str, command)), env={"GODEBUG": "clobberfree=1"})
            return run.stdout, run.report(stall="100ms"), run.check(stall="100ms")
        done = launch(maptrace, tmp_path, *command)
        return done.stdout, reporter.json(tmp_path / "trace.bin", stall="100ms"), done.returncode
    return traced


def is_blind(report, answer):
    """Nobody sees the maps: that is no pass."""
    rule = report.rule("go-library")
    return (answer == 24 and rule["status"] == "blind" and "library or plugin" in rule["reason"] and
            report.verdict == "inconclusive")


def test_library_of_a_c_program(library, compiled, traced):
    said, report, answer = traced(compiled("testdata/go/use_library.c", libs=["-ldl"]),
                                  library("c-shared", "libgrow.so"))
    assert said == "moved 1\n" and is_blind(report, answer)


def test_archive_in_a_c_program(library, compiled, traced):
    program = compiled("testdata/go/use_library.c", name="with-archive",
                       libs=["-rdynamic", "-Wl,--whole-archive", str(library("c-archive", "libgrow.a")),
                             "-Wl,--no-whole-archive", "-ldl", "-lpthread"])
    said, report, answer = traced(program)
    assert said == "moved 1\n" and answer == 23
    [stuck] = report.of(kind="stuck")
    assert (stuck["rule"], stuck["type"]) == ("go-map", "map[int]int")
    assert stuck["stack"][1]["function"] == "main.Grow" and report.traces[0]["go"]["liveness_known"]


@pytest.mark.soak  # much is to be compiled
def test_plugin(go, library, traced):
    """The runtime's functions are in the plugin a second time."""
    said, report, answer = traced(go(VERSION, source="testdata/go/plugin.go", cgo=True),
                                  library("plugin", "grow.so"))
    assert said == "moved true\n" and is_blind(report, answer)


@pytest.mark.soak
def test_go_test(go, maptrace, tmp_path):
    """Started by go test in its place, maptrace sees a test from its beginning."""
    (tmp_path / "go.mod").write_text("module m\n\ngo 1.19\n")
    (tmp_path / "m_test.go").write_text("""package m

import (
	"testing"
	"time"
)

var kept = map[int]int{}

func TestGrow(t *testing.T) {
	for i := 0; i < 107000; i++ {
		kept[i] = i
	}
	time.Sleep(400 * time.Millisecond)
}
""")
    root = Go.root(VERSION)
    done = subprocess.run([f"{root}/bin/go", "test", "-exec", f"{maptrace.maptrace} run --check --stall=100ms --", "."],
                          cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=280,
                          env=dict(os.environ, GOROOT=root, GOTOOLCHAIN="local", GOFLAGS="-mod=mod"))
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "1 old array outlived its resize" in said and "m.TestGrow" in said, said


@pytest.mark.soak
def test_race_detector(go, traced):
    said, report, answer = traced(go(VERSION, flags=("-race",), cgo=True), "0.4")
    truth = [json.loads(line) for line in said.splitlines() if line[0] == "{"]
    assert answer == 23 and said.endswith("sum 201000\n")
    assert {finding["table"] for finding in report.of(kind="stuck")} == \
        {true["table"] for true in truth if true["array"] != "0x0"}
    # Its end is past Go's runtime: without the launcher nobody knows how it came.
    assert report.traces[0]["end"] in ("exit", "unknown")
