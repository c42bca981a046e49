"""maptrace-report on made-up traces: the command line, the verdicts, the text, the JSON and the names."""

import json
import os
import re
import resource
import shutil
import stat
import subprocess

import pytest

from support.build import PROJECT

S = 10**9
pytestmark = pytest.mark.sanitize

STUCK = ["rule redis incremental active about=Redis_dict flags=2 arrays=3 resizes=2 symbols=3",
         f"open 1 {2*S} old_bytes=524288 new_bytes=1048576 moved=17 of=65536 progress_ns={3*S}"]
LEAK = ["rule leaky immediate active arrays=2 resizes=1", f"open 1 {S} end={2*S}"]
CLEAN = ["rule tidy immediate active arrays=2 resizes=1", f"recent 1 {S} {S+5} end={S+5}"]


@pytest.fixture
def make(compiled, tmp_path):
    """make(lines, name) -> path of a trace; see testdata/traces/make_trace.c"""
    program = compiled("testdata/traces/make_trace.c", flags=["-std=gnu11", f"-I{PROJECT}"])

    def build(lines, name="trace.bin"):
        path = tmp_path / name
        done = subprocess.run([program, path], input="\n".join(lines), encoding="utf-8",
                              capture_output=True)
        assert done.returncode == 0, done.stderr
        return path
    return build


def kinds(report):
    return sorted(finding["kind"] for finding in report.findings)


# --- command line ---------------------------------------------------------------


def test_help_and_version(reporter):
    done = reporter.run("--help")
    assert done.returncode == 0 and not done.stderr
    for option in ("--format", "--output", "--check", "--grace", "--stall", "--min-bytes"):
        assert option in done.stdout
    assert re.match(r"maptrace-report \d+\.\d+", reporter.run("--version").stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], ["no TRACE"]),
    (["--format=xml", "x"], ["--format", "xml", "json"]),
    (["--grace=5", "x"], ["--grace", "5", "100ms"]),
    (["--grace=-1s", "x"], ["--grace", "-1s"]),
    (["--grace=1 s", "x"], ["--grace", "1 s"]),
    (["--grace=", "x"], ["--grace"]),
    (["--stall=1.5s", "x"], ["--stall", "1.5s"]),
    (["--stall=99999999999999999999s", "x"], ["--stall"]),
    (["--min-bytes=64KB", "x"], ["--min-bytes", "64KB", "64K"]),
    (["--min-bytes=0x10", "x"], ["--min-bytes", "0x10"]),
    (["--output=", "x"], ["--output"]),
    (["--unknown", "x"], ["--unknown"]),
    (["/nonexistent/trace"], ["/nonexistent/trace", "No such file"]),
    (["/dev/null"], ["/dev/null", "not a regular file"]),
])
def test_bad_usage(reporter, arguments, words):
    done = reporter.run(*arguments)
    assert done.returncode == 2 and not done.stdout
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("grace, status", [("0", 23), ("00", 23), ("999999us", 23), ("1s", 0),
                                           ("1000ms", 0), ("1m", 0), ("1h", 0), ("1000000000ns", 0)])
def test_times(reporter, make, grace, status):
    trace = make([*CLEAN, f"notable 2 {S} {3*S} end={2*S}"])
    assert reporter.check(trace, grace=grace) == status


@pytest.mark.parametrize("size, status", [("1", 23), ("4096", 23), ("4K", 23), ("4097", 0),
                                          ("1M", 0), ("1G", 0)])
def test_sizes(reporter, make, size, status):
    assert reporter.check(make(LEAK), min_bytes=size) == status


def test_exit_status(reporter, make):
    blind = make(["rule mine immediate blind flags=1 reason=no_such_function"], "blind")
    assert reporter.check(make(CLEAN, "clean")) == 0
    assert reporter.check(make(LEAK, "leak")) == 23
    assert reporter.check(blind) == 24
    # Findings win; and without --check a report is a report.
    assert reporter.check(make(LEAK, "leak"), blind) == 23
    assert reporter.run(make(LEAK, "leak")).returncode == 0
    assert reporter.run(blind).returncode == 0


def test_output_file(reporter, make, tmp_path):
    trace, out = make(LEAK), tmp_path / "folder" / "report.json"
    assert reporter.run(f"--output={out}", trace).returncode == 2
    out.parent.mkdir()
    out.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(out)
    done = reporter.run("--format=json", "--check", "-o", link, trace)
    assert done.returncode == 23 and not done.stdout
    assert json.loads(out.read_text())["verdict"] == "findings"
    assert link.is_symlink() and os.listdir(out.parent) == ["report.json"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~umask()
    # What is there stays when the new report cannot be written.
    out.write_text("old")
    limited = subprocess.run([reporter.build.report, "-o", out, trace], capture_output=True,
                             encoding="utf-8",
                             preexec_fn=lambda: (resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
                                                 ignore_xfsz()))
    assert limited.returncode == 2 and "report.json" in limited.stderr
    assert out.read_text() == "old" and os.listdir(out.parent) == ["report.json"]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def ignore_xfsz():
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_write_errors(reporter, make):
    trace = make(LEAK)
    with open("/dev/full", "w") as full:
        done = subprocess.run([reporter.build.report, "--check", trace], stdout=full,
                              stderr=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 2 and "No space left" in done.stderr
    assert reporter.run("-o", "/dev/full", trace).returncode == 2
    assert reporter.run("-o", "/dev/null", trace).returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_folders(reporter, make, tmp_path):
    folder = tmp_path / "traces"
    (folder / "below").mkdir(parents=True)
    assert "no trace" in reporter.run(folder).stderr
    assert reporter.run(folder).returncode == 2
    for name, lines in (("b", LEAK), ("a", CLEAN), ("c.old", STUCK), ("below/d", STUCK)):
        shutil.move(make(lines), folder / name)
    (folder / "other").write_text("MAPTRAC")
    os.mkfifo(folder / "pipe")
    report = reporter.json(folder)
    assert [os.path.basename(trace["file"]) for trace in report.traces] == ["a", "b"]
    assert kinds(report) == ["leaked"]
    # Named by hand, it counts; twice named, it counts once.
    assert kinds(reporter.json(folder, folder / "c.old", folder / "b")) == ["leaked", "stuck"]
    # A damaged trace among good ones is an error, not a gap.
    (folder / "z").write_bytes(b"MAPTRACE" + bytes(100))
    assert reporter.run(folder).returncode == 2


# --- traces that are not whole, or not well-meant --------------------------------


def test_cut_anywhere(reporter, make, tmp_path):
    whole, cut = make([*CLEAN, *LEAK, "array 4096 64 1"]).read_bytes(), tmp_path / "cut"
    for length in [*range(0, len(whole), 512), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        done = reporter.run("--check", "--format=json", cut)
        if done.returncode == 2:
            assert str(cut) in done.stderr and length < 8192
            continue
        report = json.loads(done.stdout)
        assert report["traces"][0]["complete"] is False
        assert done.returncode == (23 if report["findings"] else 24)


def test_hostile_bytes(reporter, make, tmp_path):
    """Every 64th byte of a small trace set to 0xff and its neighbours too: an answer, never a crash."""
    whole = make(["sizes 2 2 32 4 4 4 4 64", *LEAK, "module /bin/true", "stack 0:16 0:32",
                  f"notable 2 {S} {3*S} stack=1", "array 4096 64 1 stack=1", "message hello"]).read_bytes()
    path = tmp_path / "hostile"
    for at in range(8, len(whole), 64):
        path.write_bytes(whole[:at] + b"\xff" * 9 + whole[at + 9:])
        done = reporter.run("--format=json", "--check", path)
        assert done.returncode in (0, 2, 23, 24), (at, done.returncode, done.stderr)
        assert (done.returncode == 2) == bool(done.stderr), at
        assert reporter.run(path).returncode in (0, 2)


def test_hostile_texts(reporter, make):
    trace = make([r"rule a\x1b[31mb\x0a\xe2\x80\xae immediate active about=\xff\xfe reason=\x9b\xc2\x9b",
                  f"open 1 {S} end={2*S} stack=1", r"module /tmp/\x1b]0;x\x07\xff", "stack 0:4096",
                  r"message \x1b[2Jcleared\x08", r"header command=\xc3\x28 command_bytes=3"])
    text = reporter.text(trace)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert r"a\x1b[31mb\x0a\xe2\x80\xae" in text and r"\x1b[2Jcleared\x08" in text
    report = reporter.json(trace)
    assert report["rules"][0]["rule"] == "a\x1b[31mb\n\u202e"
    assert report.traces[0]["command"][0] == "\ufffd("


def test_numbers_beyond_json(reporter, make):
    report = reporter.json(make([*LEAK, f"header last_ns={2**64-1} lost_stacks={2**64-1}"]))
    assert report.traces[0]["duration_ns"] is None
    assert report.findings[0]["overstay_ns"] is None


# --- verdicts ---------------------------------------------------------------------


def test_nothing_seen(reporter, make):
    assert reporter.json(make(["rule a immediate absent", "rule b immediate blind"])).verdict == \
        "inconclusive"
    assert reporter.json(make(["rule a immediate idle", "rule b immediate blind"])).verdict == "clean"
    assert reporter.json(make([])).verdict == "inconclusive"


def test_users_rule_is_blind(reporter, make):
    report = reporter.json(make([*CLEAN, "rule mine immediate blind flags=1 reason=it_was_inlined"]))
    assert report.verdict == "inconclusive"
    assert "mine" in report["inconclusive_because"][0]
    assert "it was inlined" in report["inconclusive_because"][0]
    # Seen in any process of the run, with a trace or only on the board, it can see.
    first = [*CLEAN, "rule mine immediate blind flags=1"]
    assert reporter.json(make([*CLEAN, "rule mine immediate blind flags=1 run_blind=7 run_idle=1"])
                         ).verdict == "clean"
    other = ["header pid=5 flags=1", "rule mine immediate active flags=1"]
    assert reporter.json(make(first, "a"), make(other, "b")).verdict == "clean"
    # But not by a process of another run.
    other[0] = "header pid=5 flags=1 root_pid=77"
    assert reporter.json(make(first, "a"), make(other, "b")).verdict == "inconclusive"


def test_users_rule_is_broken(reporter, make):
    report = reporter.json(make([*CLEAN, "rule mine immediate blind flags=5 reason=x.rules:3:_bad",
                                 "header pid=4242"]))
    assert report.verdict == "inconclusive"
    assert "x.rules:3: bad" in report["inconclusive_because"][0]


@pytest.mark.parametrize("line, doubt", [
    ("header lost_arrays=3", "recorded: 3"),
    ("header lost_releases=2", "recorded: 2"),
    ("header flags=4", "given up"),
    ("header flags=16", "not started"),
    (f"open 9 {S} sequence=3", "being written: 1"),
    (f"open 9 {S} rule=99", "damaged entries: 1"),
])
def test_losses(reporter, make, line, doubt):
    report = reporter.json(make([*CLEAN, line]))
    assert report.verdict == "inconclusive"
    assert doubt in report["inconclusive_because"][0]
    assert report.traces[0]["complete"] is False
    # What is proven stays proven.
    assert reporter.json(make([*CLEAN, f"notable 2 {S} {3*S} end={2*S}", line])).verdict == "findings"


def test_never_leaked_when_releases_were_lost(reporter, make):
    report = reporter.json(make([*LEAK, "header lost_releases=1"]))
    assert report.verdict == "inconclusive" and not report.findings
    assert report.totals["undecided"] == 1


def test_wrapped_rings(reporter, make):
    ring = ["sizes 4 4 64 16 16 4 4 64", *CLEAN[:1], *[f"recent {n} {S} {S+9} end={S}" for n in range(1, 20)]]
    # By the histogram, what was overwritten was short.
    ring[1] += " overstay=4:19"
    report = reporter.json(make(ring))
    assert report.verdict == "clean" and report.traces[0]["overwritten_resizes"] == 15
    assert "15 finished resizes were overwritten" in " ".join(reporter.text(make(ring)).split())
    ring[1] += " overstay=31:1"
    assert reporter.json(make(ring)).verdict == "inconclusive"


def test_dead_process(reporter, make):
    ends = {"exit": "end=1", "signal": "end=2 end_status=9", "unknown": "end=0"}
    for name, line in ends.items():
        report = reporter.json(make([*STUCK, f"header {line}"]))
        assert report.traces[0]["end"] == name and kinds(report) == ["stuck"]
    report = reporter.json(make([*STUCK, f"header end=0 last_ns={4*S-1}"]))
    assert report.verdict == "clean" and report.totals["unfinished"] == 1
    assert report.traces[0]["duration_ns"] == 4 * S - 1


# --- JSON ---------------------------------------------------------------------------


def test_json_of_a_stuck_table(reporter, make):
    report = reporter.json(make([
        *STUCK, "stack -:4096", "array 139637976793088 524288 1 flags=4 table_resizes=1 stack=1",
        "array 139637976825856 1048576 1 table_resizes=2 stack=1",
        "array 77 64 0", f"recent 5 {S} {S+9} end={S+9} table_resizes=4 old_bytes=32 new_bytes=64",
        "header tables=2 arrays_seen=3 resizes_seen=2 peak_array_bytes=99 peak_old_bytes=9"]))
    assert report["schema"] == "maptrace-report/1"
    assert list(report.traces[0])[:7] == ["file", "pid", "command", "end", "complete", "lost_events",
                                          "duration_ns"]
    assert report.traces[0]["command"] == ["app", "-v"]
    assert report.traces[0]["duration_ns"] == 10 * S
    assert report.rule("redis") | {"status": "active", "symbols": 3, "resizes": 2, "reason": ""} == \
        report.rule("redis")
    assert report.totals == {"tables": 2, "arrays": 3, "resizes": 2, "unfinished": 0, "undecided": 0,
                             "findings": 1, "outlived_arrays": 1, "outlived_bytes": 524288,
                             "peak_array_bytes": 99, "peak_old_bytes": 9}
    assert report.findings == [{
        "kind": "stuck", "pid": 4242, "rule": "redis", "table": "0x1000", "holder": "0x1008",
        "array": "0x7f0000010000", "bytes": 524288, "new_array": "0x7f0000018000",
        "new_bytes": 1048576, "replaced_ns": 2 * S, "resize_end_ns": None, "released_ns": None,
        "overstay_ns": 7 * S, "progress": {"moved": 17, "of": 65536}, "confidence": "exact",
        "alternatives": 0, "suppressed": False, "type": None, "go": None, "stack": []}]
    known, nameless, gone = sorted(report.tables, key=lambda table: -table["peak_bytes"])
    assert known == {"table": "0x1000", "pid": 4242, "rule": "redis", "holder": "0x1008",
                     "resizes": 2, "bytes": 524288 + 1048576, "peak_bytes": 524288 + 1048576,
                     "arrays": [hex(139637976793088), hex(139637976825856)], "type": None,
                     "entries": None,
                     "stack": [{"function": None, "file": None, "line": None, "module": None,
                                "address": "0x1000", "inlined": False}]}
    assert nameless["table"] is None and nameless["arrays"] == ["0x4d"]
    assert gone["table"] == "0x5000" and gone["arrays"] == [] and gone["resizes"] == 4


def test_inherited_tables_are_the_parents(reporter, make):
    report = reporter.json(make([*CLEAN[:1], "array 4096 64 1 flags=1", "array 8192 64 2 flags=1",
                                 "array 12288 128 2", f"open 3 {S} end={2*S} flags=8"]))
    assert [table["table"] for table in report.tables] == ["0x2000"]
    assert report.tables[0]["arrays"] == ["0x2000", "0x3000"]
    assert report.verdict == "clean" and report.totals["unfinished"] == 0


def test_several_processes(reporter, make):
    first = make([*STUCK, "rule both immediate idle reason=r1", "rule seen immediate absent run_active=2",
                  "rule dim immediate absent run_blind=1 run_reason=why",
                  "header tables=1 peak_array_bytes=10 peak_old_bytes=3"], "a")
    second = make(["rule both immediate active resizes=4 arrays=5", *LEAK,
                   "header pid=5 flags=1 tables=2 peak_array_bytes=4 peak_old_bytes=4"], "b")
    report = reporter.json(first, second)
    assert sorted(finding["pid"] for finding in report.findings) == [5, 4242]
    assert report.totals["tables"] == 3
    assert report.totals["peak_array_bytes"] == 10 and report.totals["peak_old_bytes"] == 4
    assert report.rule("both")["status"] == "active" and report.rule("both")["resizes"] == 4
    assert report.rule("seen")["status"] == "active" and report.rule("seen")["resizes"] == 0
    assert report.rule("dim")["status"] == "blind" and report.rule("dim")["reason"] == "why"


def test_findings_by_cost(reporter, make):
    report = reporter.json(make([
        "rule r immediate active", f"open 1 {S} end={8*S} old_bytes=1000",
        f"open 2 {S} end={2*S} old_bytes=500", f"open 3 {S} end={9*S} old_bytes=1001"]))
    assert [finding["table"] for finding in report.findings] == ["0x2000", "0x1000", "0x3000"]


# --- text ---------------------------------------------------------------------------


def test_text_of_a_stuck_table(reporter, make):
    text = reporter.text(make(STUCK))
    assert text.startswith("maptrace: 1 old array outlived its resize: 512 KiB (524288 bytes) in 1 table\n")
    for words in ("stuck: ", "redis: Redis dict", "0x1000", "0x1008", "512 KiB (524288 bytes)",
                  "1 MiB (1048576 bytes)", "7 s", "17 of 65536 buckets moved", "then nothing for 7 s", "pid 4242"):
        assert words in text
    assert "\033" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_text_verdicts(reporter, make):
    assert reporter.text(make(CLEAN)).startswith("maptrace: clean: 1 resize")
    blind = reporter.text(make(["rule mine immediate blind flags=1 reason=" + "why_" * 40]))
    assert blind.startswith("maptrace: inconclusive:")
    assert max(map(len, blind.splitlines())) <= 100


def test_text_groups(reporter, make):
    lines = ["sizes 4 4 900 16 60 8 8 64", "rule r immediate active", "module /opt/x"]
    lines += [f"stack {0}:{1000+n}" for n in range(15)]
    lines += [f"open {n} {S} end={2*S} stack={1 + n % 15} old_bytes={4096 * (n % 15 + 1)}"
              for n in range(1, 60)]
    text = reporter.text(make(lines))
    assert len(re.findall(r"^\d+\. leaked", text, re.M)) == 10
    assert "5 more, use --format=json" in text
    assert "4 old arrays of 4 tables" in text and text.count("x+0x3f6") == 1
    # Most costly first, the worst three of each.
    assert text.index("15 of") if "15 of" in text else True
    first = text[text.index("1. leaked"):text.index("2. leaked")]
    assert first.count("old array   0x") == 3 and "60 KiB" in first


def test_no_colours_but_on_a_terminal(reporter, make):
    trace, script = make(LEAK), shutil.which("script")
    if not script:
        pytest.skip("needs script(1)")
    command = f"'{reporter.build.report}' '{trace}'"
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        done = subprocess.run([script, "-qec", command, "/dev/null"], capture_output=True,
                              encoding="utf-8", env={**os.environ, **environment},
                              stdin=subprocess.DEVNULL)
        assert ("\033[" in done.stdout) == coloured


# --- names --------------------------------------------------------------------------


def frames_of(program):
    done = subprocess.run([program], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.split()[:4]


def build_id(program):
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, encoding="utf-8").stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def names_in(reporter, make, program, identity, addresses):
    path = str(program).replace("_", r"\x5f")
    report = reporter.json(make([*LEAK, f"module {path} {identity}",
                                 "stack " + " ".join(f"0:{address}" for address in addresses),
                                 f"open 2 {S} end={2*S} stack=1 old_bytes=65536"]))
    return report.findings[0]["stack"]


def line_of(mark):
    source = (PROJECT / "testdata/traces/frames.cpp").read_text().splitlines()
    return next(number for number, line in enumerate(source, 1) if f"/* line of {mark} */" in line)


WHOLE = ["plain_c", "shelves::table<int, long>::grow(long)",
         "shelves::table<int, long>::insert(long)", "fill(shelves::table<int, long>&)", "main"]


@pytest.mark.parametrize("cc, flags", [
    ("gcc", ["-O2", "-g"]), ("clang", ["-O2", "-g"]), ("gcc", ["-O2", "-g", "-gdwarf-4", "-no-pie"]),
    ("clang", ["-O2", "-gdwarf-4"]), ("gcc", ["-O2", "-gsplit-dwarf", "-g"]),
    ("gcc", ["-O2", "-g", "-flto"]),
], ids=lambda value: "".join(value) if isinstance(value, list) else value)
def test_names_from_debug_information(reporter, make, compiled, cc, flags):
    program = compiled("testdata/traces/frames.cpp", cc=cc, flags=[*flags, "-Wl,--build-id"])
    stack = names_in(reporter, make, program, build_id(program), frames_of(program))
    assert [frame["function"] for frame in stack[:5]] == WHOLE
    assert [frame["inlined"] for frame in stack[:5]] == [False, False, True, False, False]
    assert [frame["line"] for frame in stack[2:5]] == [line_of("insert"), line_of("fill"), line_of("main")]
    assert all(frame["file"].endswith("testdata/traces/frames.cpp") for frame in stack[:5])
    assert stack[2]["address"] == stack[3]["address"]
    assert stack[0]["module"] == str(program)


@pytest.fixture
def copied(compiled, tmp_path):
    """A copy of the program of frames, to be cut to pieces."""
    program = tmp_path / "frames"
    shutil.copy(compiled("testdata/traces/frames.cpp", flags=["-O2", "-g", "-Wl,--build-id"]), program)
    return program


def objcopy(*arguments):
    subprocess.run(["objcopy", *map(str, arguments)], check=True)


SYMBOLS = [WHOLE[0], WHOLE[1], WHOLE[3], "main"]


def test_names_from_symbols(reporter, make, copied):
    addresses, identity = frames_of(copied), build_id(copied)
    subprocess.run(["strip", "-g", copied], check=True)
    stack = names_in(reporter, make, copied, identity, addresses)
    assert [frame["function"] for frame in stack] == SYMBOLS
    assert {frame["line"] for frame in stack} == {None}


def test_names_from_a_separate_file(reporter, make, copied):
    addresses, identity = frames_of(copied), build_id(copied)
    objcopy("--only-keep-debug", copied, f"{copied}.debug")
    subprocess.run(["strip", copied], check=True)
    objcopy(f"--add-gnu-debuglink={copied}.debug", copied)
    assert [frame["function"] for frame in names_in(reporter, make, copied, identity, addresses)
            ][:5] == WHOLE


def test_names_from_minidebuginfo(reporter, make, copied, tmp_path):
    addresses, identity = frames_of(copied), build_id(copied)
    mini = tmp_path / "mini"
    objcopy("--only-keep-debug", copied, mini)
    subprocess.run(["strip", "-g", mini], check=True)
    subprocess.run(["xz", mini], check=True)
    subprocess.run(["strip", copied], check=True)
    objcopy(f"--add-section=.gnu_debugdata={mini}.xz", copied)
    assert [frame["function"] for frame in names_in(reporter, make, copied, identity, addresses)] == SYMBOLS


@pytest.mark.parametrize("gone", [False, True], ids=["stripped", "gone"])
def test_names_from_debuginfod(reporter, make, copied, tmp_path, monkeypatch, gone):
    addresses, identity = frames_of(copied), build_id(copied)
    served = tmp_path / "served" / "buildid" / identity
    served.mkdir(parents=True)
    shutil.copy(copied, served / "debuginfo")
    subprocess.run(["strip", copied], check=True)
    shutil.copy(copied, served / "executable")
    if gone:
        copied.unlink()
    monkeypatch.setenv("DEBUGINFOD_CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.setenv("DEBUGINFOD_URLS", f"file://{tmp_path}/served")
    names = [frame["function"] for frame in names_in(reporter, make, copied, identity, addresses)]
    if names == [None] * 4:
        pytest.skip("elfutils has no debuginfod client here")
    assert names[:5] == WHOLE


def test_no_names_from_stripped_files(reporter, make, copied):
    """The nearest exported symbol before an address is not its name."""
    addresses, identity = frames_of(copied), build_id(copied)
    subprocess.run(["strip", copied], check=True)
    assert {frame["function"] for frame in names_in(reporter, make, copied, identity, addresses)} == {None}
    path = str(copied).replace("_", r"\x5f")
    trace = make([*LEAK, f"module {path} {identity}", f"stack 0:{addresses[0]}",
                  f"open 2 {S} end={2*S} stack=1"])
    assert f"frames+{addresses[0]}" in reporter.text(trace)


def test_no_names_from_another_build(reporter, make, copied):
    addresses = frames_of(copied)
    other = "ab" * 20
    assert {frame["function"] for frame in names_in(reporter, make, copied, other, addresses)} == {None}
    trace = make([*LEAK, f"module {copied} {other}", f"stack 0:{addresses[0]}",
                  f"open 2 {S} end={2*S} stack=1", f"open 3 {S} end={2*S} stack=1"])
    assert " ".join(reporter.text(trace).split()).count("another build") == 1


def test_names_from_another_machine(reporter, make):
    trace = make([*LEAK, "module /gone/libfoo.so.3 abcd", "stack 0:4660", f"open 2 {S} end={2*S} stack=1"])
    text = reporter.text(trace)
    assert "libfoo.so.3+0x1234" in text
    assert text.count("/gone/libfoo.so.3") == 1 and "the file is not here" in text


def test_files_without_a_build_id(reporter, make, compiled, tmp_path):
    program = tmp_path / "frames"
    shutil.copy(compiled("testdata/traces/frames.cpp", flags=["-O2", "-g", "-Wl,--build-id=none"]), program)
    addresses = frames_of(program)
    os.utime(program, (1600000000, 1600000000))  # the made-up trace is of 2023
    assert names_in(reporter, make, program, "", addresses)[0]["function"] == "plain_c"
    # A younger file may be another build.
    os.utime(program)
    assert names_in(reporter, make, program, "", addresses)[0]["function"] is None


def test_devices_are_not_opened(reporter, make, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe", "/", "relative", "/proc/self/mem"):
        names_in(reporter, make, path, "", ["0x1000"])


def test_frames_of_the_tracer_are_dropped(reporter, make):
    trace = make([*LEAK, "module /usr/lib/libmaptrace.so", "module /opt/x", "stack 0:4096 1:4096 0:8192",
                  f"open 2 {S} end={2*S} stack=1"])
    stack = max((finding["stack"] for finding in reporter.json(trace).findings), key=len)
    assert [frame["module"] for frame in stack] == ["/opt/x"]


def test_long_names_fit(reporter, make, compiled, tmp_path):
    source = tmp_path / "long.cpp"
    source.write_text("template <int...> struct pack {};\n"
                      "template <typename T> __attribute__((noinline)) void *grow(T, const T *, T &&)\n"
                      "{ return __builtin_return_address(0); }\n"
                      "#include <cstdio>\n#include <utility>\n"
                      "template <int... I> void go(std::integer_sequence<int, I...>)\n"
                      "{ pack<I...> p; std::printf(\"%p\\n\", grow(p, &p, pack<I...>())); }\n"
                      "int main() { go(std::make_integer_sequence<int, 200>()); }\n")
    program = compiled(source, flags=["-O0", "-no-pie", "-Wl,--build-id=none"])
    address = subprocess.run([program], capture_output=True, encoding="utf-8").stdout.strip()
    os.utime(program, (1600000000, 1600000000))
    path = str(program).replace("_", r"\x5f")
    trace = make([*LEAK, f"module {path}", f"stack 0:{address}", f"open 2 {S} end={2*S} stack=1"])
    text = reporter.text(trace)
    assert "go<...>(" in text
    assert max(map(len, text.splitlines())) <= 100


# --- speed --------------------------------------------------------------------------


@pytest.mark.serial
def test_a_large_trace_is_quick(reporter, make):
    lines = ["sizes 60 100 200000 65536 16384 20000 70000 8192",
             *[f"rule r{n} immediate active" for n in range(50)], "module /bin/true"]
    lines += [f"stack {0}:{1000+n} 0:{n} 0:77 0:78 0:79 0:80" for n in range(200)]
    lines += [f"recent {n} {n} {n+1} end={n} rule={n % 50} stack={n % 200 + 1}" for n in range(1, 70000)]
    lines += [f"array {n * 4096} 4096 {n} rule={n % 50} stack={n % 200 + 1}" for n in range(1, 30000)]
    lines += [f"notable {n} {S} {3*S} end={2*S} stack={n % 200 + 1}" for n in range(1, 2000)]
    trace = make(lines)
    assert trace.stat().st_size > 16 << 20
    sanitized = "sanitize" in str(reporter.build.folder)
    for options in ([], ["--format=json"]):
        best = 99.0
        for _ in range(3):
            begin = processor_time()
            assert reporter.run(*options, trace).returncode == 0
            best = min(best, processor_time() - begin)
        assert best < (6 if sanitized else 0.6), options


def test_a_long_history_needs_no_memory(reporter, compiled, tmp_path):
    """A trace of 300 MB, most of it resizes in good order, in 64 MiB."""
    if "sanitize" in str(reporter.build.folder):
        pytest.skip("sanitizers need memory of their own")
    records, trace = 1500000, tmp_path / "long.trace"
    program = compiled("bench/history.c", flags=["-O2", "-std=gnu11", f"-I{PROJECT}"])
    subprocess.run([program, trace, str(records)], check=True)
    done = subprocess.run([reporter.build.report, "--format=json", trace], capture_output=True, encoding="utf-8",
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20)))
    trace.unlink()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["findings"]) == records // 100000
    assert len(report["tables"]) == 4096 and report["tables_left_out"] == records // 3 - 4096
    assert {table["resizes"] for table in report["tables"]} == {3}


def processor_time():
    """Seconds that children have computed: what else the machine does is no matter."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
