"""What the report says of Go maps: which are stuck, how they grew, and what could be saved."""

import json
import os
import signal
import struct
import subprocess

import pytest

from support.disk import mounted
from support.golang import C_TABLE, Go
from support.waiting import wait_until

STRIPPED = "-ldflags=-s -w"
PIE = "-buildmode=pie"
VERSIONS = ["1.19", "1.21", "1.22", "1.23", "1.24"]
CHECKED = [("1.19", (STRIPPED, PIE)), ("1.21", ()), ("1.23", (STRIPPED,))]
BUILDS = CHECKED + [pytest.param(version, flags, marks=pytest.mark.soak) for version in VERSIONS
                    for flags in ((), (STRIPPED,), (PIE,), (STRIPPED, PIE))
                    if (version, flags) not in CHECKED]
# A map grows when two buckets hold more than so many entries.
LOAD = {version: 12 if version == "1.21" else 13 for version in VERSIONS}


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    build = Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")
    return lambda version, flags, source, cgo=False: build(
        version, f"testdata/go/{source}.go", flags=flags, cgo=cgo,
        experiment="noswissmap" if version == "1.24" else "")


@pytest.fixture
def launch(maptrace, tmp_path):
    """Runs a program by maptrace run: (its output, the path of its trace)."""
    def launch(*command, options=(), answer=0):
        done = subprocess.run([maptrace.maptrace, "run", *options, "--", *map(str, command)],
                              capture_output=True, encoding="utf-8", timeout=120, cwd=tmp_path)
        assert done.returncode == answer, done.stderr
        launch.errors = done.stderr
        return done.stdout, tmp_path / "trace.bin"
    return launch


def functions(finding):
    return [frame["function"] for frame in finding["stack"]]


@pytest.mark.parametrize("version, flags", BUILDS)
def test_how_a_stuck_map_grew(go, launch, reporter, version, flags):
    _, trace = launch(go(version, flags, "stuck"), "0.4", options=["--check", "--stall=200ms"],
                      answer=23)
    report = reporter.json(trace, stall="200ms")
    # On a machine with too much to do any resize can stand still for so long, and be late.
    stuck = report.of(kind="stuck")
    found = {finding["type"]: finding for finding in stuck}
    assert set(found) == {"map[string]main.Session", "map[int]int"} and len(stuck) == 2
    for kind, function, old, bucket in (("map[string]main.Session", "main.growSessions", 13, 336),
                                        ("map[int]int", "main.growNumbers", 14, 144)):
        finding, go_says = found[kind], found[kind]["go"]
        assert finding["rule"] == "go-map"
        assert (go_says["old_buckets"], go_says["new_buckets"]) == (1 << old, 2 << old)
        assert go_says["entries"] == LOAD[version] * (1 << old) // 2
        assert go_says["load_factor"] == LOAD[version] / 2 and not go_says["same_size"]
        # A sixteenth more stands ready to overflow into.
        assert finding["bytes"] == (1 << old) * 17 // 16 * bucket
        assert finding["new_bytes"] == 2 * finding["bytes"]
        assert finding["confidence"] == ("exact" if go_says["liveness"] == "verified" else "inferred")
        assert functions(finding)[0].startswith("runtime.mapassign")
        assert functions(finding)[1:3] == [function, "main.main"]
        assert finding["stack"][1]["file"].endswith("/testdata/go/stuck.go")
    trace_says = report.traces[0]
    assert trace_says["end"] == "exit" and trace_says["complete"]
    assert trace_says["go"]["collections"][-1]["cycles"] >= 2
    assert report.rule("go-map")["status"] == "active"

    growth = {row["type"]: row for row in report["growth"]}
    assert (growth["map[int]int"]["tables"], growth["map[int]int"]["resizes"]) == (1, 15)
    assert growth["map[uint32]bool"]["most_resizes"] == 13
    text = reporter.text(trace, stall="200ms")
    assert "map[string]main.Session, go-map" in text and "then nothing for" in text
    assert "make(map[int]int, n)" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("version, flags", BUILDS)
def test_exactly_the_live_maps_are_stuck(go, launch, reporter, version, flags):
    said, trace = launch(go(version, flags, "lives"), "dead")
    live = {line.split()[1] for line in said.splitlines() if line.startswith("live")}
    assert len(live) == 1000
    report = reporter.json(trace, stall="200ms")
    assert {finding["table"] for finding in report.findings} == live
    # How many collections were seen after the last look that found a bucket moved depends on how
    # often the launcher got to look.
    assert {(finding["confidence"], finding["go"]["liveness"]) for finding in report.findings} <= \
        {("exact", "verified"), ("inferred", "unverified")}
    assert report.traces[0]["go"]["collected_resizes"] >= 1000
    text = reporter.text(trace, stall="200ms")
    assert "collected in the middle of a resize" in text and "garbage collections since" in text


@pytest.mark.parametrize("version, flags", BUILDS)
def test_every_resize_has_an_end(go, launch, reporter, version, flags):
    program = go(version, flags, "stress")
    done = subprocess.run([program, "20"], capture_output=True, encoding="utf-8", timeout=60)
    said, trace = launch(program, "20")
    assert said == done.stdout
    report = reporter.json(trace, stall="0", grace="0")
    header = trace.read_bytes()[:3128]
    finished = sum(struct.unpack_from("<QQ", header, 2912))
    orphans, = struct.unpack_from("<Q", header, 3096)
    still_open = len([finding for finding in report.findings if finding["released_ns"] is None])
    collected = report.traces[0]["go"]["collected_resizes"]
    assert report.traces[0]["lost_events"] == 0 and report.totals["resizes"] > 3000
    assert finished + still_open + collected == report.totals["resizes"]
    # A first bucket on a stack can have a new address before it is let go.
    assert orphans <= finished / 500
    dropped = int(launch.errors.split("dropped ")[1])
    assert dropped <= collected + still_open <= dropped + 20


def test_without_clobberfree_liveness_is_unverified(go, launch, reporter):
    said, trace = launch(go("1.23", (), "lives"), "dead", options=["--no-clobberfree"])
    live = {line.split()[1] for line in said.splitlines() if line.startswith("live")}
    report = reporter.json(trace, stall="200ms")
    assert {finding["table"] for finding in report.findings} >= live
    assert {finding["go"]["liveness"] for finding in report.findings} == {"unverified"}
    assert {finding["confidence"] for finding in report.findings} == {"inferred"}
    assert "liveness unverified" in reporter.text(trace, stall="200ms")


def test_a_resize_that_stopped_for_a_while_is_late(go, launch, reporter):
    _, trace = launch(go("1.19", (), "lives"), "late")
    [late] = reporter.json(trace, stall="200ms").findings
    assert (late["kind"], late["type"], late["confidence"]) == ("late", "map[int]int", "exact")
    assert late["progress"] == {"moved": 512, "of": 512}
    assert 200e6 < late["overstay_ns"] <= late["released_ns"] - late["replaced_ns"]
    assert functions(late)[1] == "main.growTo"
    assert reporter.json(trace).verdict == "clean"


def test_a_map_that_is_emptied_lets_go(go, launch, reporter):
    _, trace = launch(go("1.23", (), "lives"), "cleared")
    report = reporter.json(trace, stall="0", grace="0")
    assert not [finding for finding in report.findings if finding["released_ns"] is None]


def test_growth_into_the_same_size(go, launch, reporter):
    said, trace = launch(go("1.23", (), "lives"), "same")
    assert "same true" in said
    [stuck] = reporter.json(trace, stall="200ms").findings
    assert stuck["go"]["same_size"] and stuck["bytes"] == stuck["new_bytes"]
    assert stuck["go"]["old_buckets"] == stuck["go"]["new_buckets"] == 1024
    assert stuck["go"]["overflow_buckets"] >= 1000 and stuck["go"]["entries"] <= 6400
    assert "into as many again" in reporter.text(trace, stall="200ms")


def test_few_entries_in_a_large_array(go, launch, reporter):
    _, trace = launch(go("1.19", (), "lives"), "emptied")
    report = reporter.json(trace)
    assert report.verdict == "clean"
    [few] = [advice for advice in report["advice"] if advice["kind"] == "few-entries"]
    assert (few["type"], few["entries"]) == ("map[int]int", 10)
    assert few["bytes"] > 4 << 20 and functions(few)[1] == "main.emptied"
    [table] = [table for table in report.tables if table["table"] == few["table"]]
    assert (table["type"], table["entries"]) == ("map[int]int", 10)
    assert "for 10 entries" in " ".join(reporter.text(trace).split())


def test_swiss_maps_cannot_be_stuck(maptrace, launch, reporter, tmp_path_factory):
    program = Go(tmp_path_factory.mktemp("go"))("1.24")
    _, trace = launch(program, "0.1", options=["--check"])
    report = reporter.json(trace)
    assert report.verdict == "clean" and not report.findings
    assert "none can be stuck" in report.rule("go-map")["reason"]
    assert "none can be stuck" in " ".join(reporter.text(trace).split())


def test_nothing_is_clobbered(go, launch, tmp_path):
    program = go("1.19", (), "lives")
    for _ in range(2):
        launch(program, "cleared")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trace.bin", "trace.bin.old"]
    assert os.stat(tmp_path / "trace.bin").st_mode & 0o777 == 0o600


def test_what_was_stuck_before_we_came(maptrace, go, reporter, trace, tmp_path):
    program = trace.start([go("1.19", (STRIPPED,), "stuck"), "60"], traced=False)
    wait_until(lambda: "ready" in program._log("stdout"), what="the program to be ready")
    truth = [json.loads(line) for line in program._log("stdout").splitlines() if line[0] == "{"]
    stuck = {true["type"]: true for true in truth if true["array"] != "0x0"}
    attached = subprocess.Popen([maptrace.maptrace, "attach", "-o", tmp_path / "trace.bin",
                                 str(program.pid)], stderr=subprocess.PIPE, encoding="utf-8")
    assert "recording" in attached.stderr.readline()
    report = wait_until(lambda: (lambda report: report.findings and report)(
        reporter.json(tmp_path / "trace.bin", stall="300ms")), what="findings")
    assert report.traces[0]["end"] == "running" and report.traces[0]["go"]["attached"]
    attached.send_signal(signal.SIGINT)
    attached.communicate(timeout=30)
    assert attached.returncode == 0 and program.alive()

    report = reporter.json(tmp_path / "trace.bin", stall="300ms")
    assert {finding["type"] for finding in report.findings} == set(stuck)
    for finding in report.findings:
        true = stuck[finding["type"]]
        assert (finding["kind"], finding["confidence"]) == ("stuck", "inferred")
        assert (finding["table"], finding["array"], finding["new_array"]) == \
            (true["table"], true["array"], true["new_array"])
        assert finding["progress"]["moved"] == true["moved"]
        assert finding["go"]["liveness"] == "unverified" and finding["replaced_ns"] == 0
    assert report.traces[0]["end"] == "unknown"
    text = reporter.text(tmp_path / "trace.bin", stall="300ms")
    assert "watched for" in text and "before" in text and "liveness unverified" in text


def test_maps_of_go_and_tables_of_c_in_one_report(go, launch, reporter, tmp_path):
    (tmp_path / "table.rules").write_text(C_TABLE)
    launch(go("1.23", (), "both", cgo=True), answer=23,
           options=["--check", "--stall=300ms", "--rules", tmp_path / "table.rules"])
    traces = sorted(tmp_path.glob("trace.bin*"))
    assert len(traces) == 1
    report = reporter.json(*traces, stall="300ms")
    [of_go], [of_c] = report.of(rule="go-map"), report.of(rule="my-table")
    assert of_go["type"] == "map[int]int" and "main.main" in functions(of_go)
    assert functions(of_c)[:2] == ["table_grow", "make_table"]
    assert of_c["type"] is None and of_c["go"] is None
    text = reporter.text(*traces, stall="300ms")
    assert text.count("exited after") == 1 and "my-table" in text and "go-map" in text


def test_full_disk(go, launch, reporter, tmp_path):
    """The program goes on; what was not recorded is never called clean."""
    program = go("1.23", (), "stress")
    with mounted(tmp_path / "disk", "size=256k") as disk:
        said, _ = launch(program, "5", options=["-o", disk / "trace.bin"])
        assert said and "No space left" in launch.errors
        assert not list(disk.iterdir())
    with mounted(tmp_path / "disk2", "size=1100k") as disk:
        assert launch(program, "5", options=["-o", disk / "trace.bin"])[0] == said
        report = reporter.json(disk / "trace.bin")
        assert report.verdict != "clean" or report.traces[0]["complete"]
