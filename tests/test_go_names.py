"""Names of Go functions, from the program's own table of functions."""

import itertools
import json
import re
import subprocess

import pytest

from support.build import PROJECT
from support.golang import Go

STRIPPED = "-ldflags=-s -w"
EXTERNAL = "-ldflags=-linkmode=external"
CHECKED = [("1.19", (STRIPPED,), False), ("1.23", (STRIPPED, "-buildmode=pie"), False),
           ("1.23", (EXTERNAL,), True)]
SOAKED = [(version, flags, cgo)
          for version in ("1.19", "1.21", "1.22", "1.23", "1.24")
          for flags, cgo in (((), False), ((STRIPPED,), False), (("-buildmode=pie",), False),
                             ((STRIPPED, "-buildmode=pie"), False), ((EXTERNAL,), True),
                             ((EXTERNAL, "-buildmode=pie"), True))
          if (version, flags, cgo) not in CHECKED]
S = 1000000000


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


@pytest.fixture
def make(compiled, tmp_path):
    """Builds a trace that has DESCRIPTION: its path."""
    def make(description):
        path = tmp_path / "trace.bin"
        subprocess.run([compiled("testdata/traces/make_trace.c", flags=["-std=gnu11", f"-I{PROJECT}"]), path], check=True,
                       input="\n".join(description) + "\n", encoding="utf-8")
        return path
    return make


def build_id(go, version, program, external):
    """In hex. What Go's own linker makes of GNU's stands in no segment, so it is not in memory."""
    if not external:
        return go.tool(version, "buildid", program).strip().split("/")[-1].encode().hex()
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, encoding="utf-8").stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes)[1]


def named(reporter, make, program, identity, addresses):
    path = str(program).replace("_", r"\x5f")
    trace = make(["header end=1 end_ns=%d last_ns=%d" % (10*S, 10*S), "rule go-map incremental active",
                  f"go-module {path} {identity}",
                  "stack " + " ".join(f"0:{address}" for address in addresses),
                  f"open 2 {S} stack=1 old_bytes=65536"])
    return reporter.json(trace).findings[0]["stack"]


@pytest.mark.parametrize("version, flags, cgo",
                         CHECKED + [pytest.param(*build, marks=pytest.mark.soak) for build in SOAKED])
def test_the_same_names_as_the_runtime_has(reporter, make, go, version, flags, cgo):
    program = go(version, "testdata/go/frames.go", flags=flags, cgo=cgo)
    true = json.loads(subprocess.run([program], capture_output=True, check=True).stdout)
    wanted = [(frame["Function"], frame["File"], frame["Line"]) for frame in true["Frames"]]
    said = named(reporter, make, program, build_id(go, version, program, cgo), true["Addresses"])

    # One return address stands for a function and all that was inlined into it; newer
    # runtimes name those one by one, too.
    groups = [list(group) for _, group in itertools.groupby(said, lambda frame: frame["address"])]
    each = len(true["Addresses"]) == len(wanted)
    found = []
    while groups:
        group = groups[0]
        found += [(frame["function"], frame["file"], frame["line"]) for frame in group]
        groups = groups[len(group) if each else 1:]
    assert found == wanted
    functions = [frame["function"] for frame in said]
    assert [frame["inlined"] for frame in said[:2]] == [False, True]
    assert functions[:3] == ["main.leaf", "main.inner", "main.(*table[...]).middle"]


def test_another_build_has_no_names(reporter, make, go):
    program = go("1.19", "testdata/go/frames.go", flags=(STRIPPED,))
    said = named(reporter, make, program, "ab" * 20, [0x401000])
    assert [frame["function"] for frame in said] == [None]
