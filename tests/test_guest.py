"""The library beneath sanitizers: linked into programs of a known truth, with its malloc under
another name, for the sanitizers have one of their own. `make sanitize` builds it so."""

import re

import pytest

from support.build import PROJECT
from support.truth import FLAGS, Truth, assert_complete, assert_findings, rules, source

pytestmark = [pytest.mark.sanitize, pytest.mark.guest]

# Leaks are the truth of these programs.
OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0", "TSAN_OPTIONS": "halt_on_error=1"}
SHORT = {"stall": "400ms", "grace": "100ms"}
LONG = {"grace": "20s"}

# Program, arguments, how it is judged.
RUNS = [
    ("thousand", "embedded turn 4 1", {}), ("thousand", "heap random 5 0", {}),
    ("thousand", "offset random 7 10", {}), ("thousand", "inside turn 4 1", {}),
    ("parallel", "separate both", {}), ("parallel", "loop none", {}),
    ("deferred", "all 400", {}), ("deferred", "slow 300", {}),
    ("reallocated", "place", {}), ("reallocated", "failure", {}), ("reallocated", "shrink", {}),
    ("dwellings", "local", {}), ("dwellings", "global", {}), ("dwellings", "moving", {}),
    ("dwellings", "rebuilt", {}), ("dwellings", "shrunk", {}), ("dwellings", "cleared", {}),
    ("dwellings", "destroyed", {}), ("dwellings", "outside", {}),
    ("tail", "free", {}), ("tail", "release", {}), ("tail", "install", {}), ("tail", "wrapper", {}),
    ("tail", "static", {}), ("inlined", "", {}), ("unwound", "freed", {}),
    ("ten_million", "100000 3", {}),
    ("threads", "8 60 3 own", LONG), ("threads", "8 60 3 handed", LONG),
    ("threads", "8 60 3 dying", LONG), ("threads", "40 10 1 dying", LONG),
    ("incremental", "stuck 700", SHORT), ("incremental", "late 700", SHORT),
    ("incremental", "unfinished 0", SHORT), ("incremental", "destroyed 600", SHORT),
]


@pytest.fixture(scope="module")
def sanitizers(maptrace):
    found = re.search(r"-fsanitize=(\S+)", (maptrace.folder / "flags").read_text().split("|")[0]) \
        if (maptrace.folder / "flags").exists() else None
    if not found:
        pytest.skip("not built with sanitizers")
    return found[1].split(",")


def linked(maptrace, sanitizers):
    """Flags and libraries of a program with the library linked in."""
    names = f"-include{PROJECT}/tests/guest/names.h"
    library = [maptrace.folder / "libguest.so", f"-Wl,-rpath,{maptrace.folder}"]
    if "thread" in sanitizers:
        return [*FLAGS, names, "-fsanitize=thread"], library
    # Not instrumented: the library may read of its stack what the program itself may not.
    runtimes = {"address": "-lasan", "undefined": "-lubsan"}
    return [*FLAGS, names], ["-Wl,--no-as-needed", *(runtimes[name] for name in sanitizers), *library]


@pytest.mark.serial
@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("name, arguments, judging", [
    pytest.param(*run, id=" ".join(run[:2]), marks=[pytest.mark.threads] * (run[0] == "threads"))
    for run in RUNS])
def test_truth(trace, compiled, maptrace, sanitizers, name, arguments, judging, level):
    if "thread" in sanitizers and name == "incremental":
        pytest.skip("the sampler is no thread that pthreads know")
    flags, libraries = linked(maptrace, sanitizers)
    program = compiled(source(f"{name}.c"), flags=[*flags, level], libs=libraries)
    run = trace([program, *arguments.split()], rules=rules(name), env={"LD_PRELOAD": None, **OPTIONS})
    assert run.stderr == ""
    report, truth = run.report(**judging), Truth(run.stdout)
    assert any(rule["user"] and rule["status"] == "active" for rule in report["rules"])
    assert_complete(report)
    assert_findings(report, truth.findings)
