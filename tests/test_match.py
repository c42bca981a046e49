"""
Marks, the quick no, and the full walk (MAPTRACE_MATCH) must recognise the same.
"""

import shutil
from pathlib import Path

import pytest

from drivers.redis_server import Redis, encode
from support.truth import FLAGS, rules

TESTDATA = Path(__file__).resolve().parents[1] / "testdata"
MATCHES = ["marks", "fast", "full"]


def recognised(report):
    """What rules saw, as far as no address and no time is in it."""
    return (sorted((one["rule"], one["status"], one["resizes"]) for one in report["rules"]),
            {name: report.totals[name]
             for name in ("tables", "arrays", "resizes", "unfinished", "findings")},
            sorted((one["rule"], one["resizes"], one["bytes"] or 0, one["peak_bytes"] or 0)
                   for one in report.tables))


@pytest.mark.parametrize("match", MATCHES)
def test_what_stands_further_up_the_stack_counts(trace, compiled, match):
    """The same call with the same stack pointer is a growth or not by its callers."""
    program = compiled("testdata/truth/same_place.c", flags=["-O2", "-g"])
    run = trace([program], rules=rules("same_place"), env={"MAPTRACE_MATCH": match})
    report = run.report()

    assert run.status == 0
    assert report.rule("same-place")["resizes"] == int(run.stdout) - 1
    assert report.totals["arrays"] == int(run.stdout)
    assert report.totals["findings"] == 0


@pytest.mark.parametrize("interpreter, script", [
    ("python3", "hash.py"), ("perl", "hash.pl"), ("bash", "hash.sh"),
    ("zsh", "hash.zsh"), ("tclsh", "hash.tcl")])
def test_stock_programs_show_the_same_tables(trace, interpreter, script):
    """Only those that do the same in each run, full walk or not (ruby does not)."""
    fixed = {"PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}
    seen = []
    for match in MATCHES:
        run = trace([shutil.which(interpreter), TESTDATA / "containers" / script],
                    env=fixed | {"MAPTRACE_MATCH": match})
        assert run.status == 0, run.stderr
        seen.append(recognised(run.report()))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][1]["arrays"] > 0


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O2 -flto"])
def test_cxx_shows_the_same_tables(trace, compiled, flags, strip):
    program = compiled("testdata/containers/std_unordered.cc", cc="g++",
                       flags=[*flags.split(), "-g"],
                       name=f"unordered-match-{flags.replace(' ', '')}-{strip}", strip=strip)
    seen = [recognised(trace([program], env={"MAPTRACE_MATCH": match}).report())
            for match in MATCHES]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][1]["arrays"] > 0


@pytest.mark.parametrize("source, cc, arguments", [("thrown.cpp", "g++", []),
                                                  ("unwound.c", "gcc", ["freed"])])
@pytest.mark.parametrize("flag", ["-O0", "-O2"])
def test_grow_functions_that_are_left_in_the_middle(trace, compiled, source, cc, arguments, flag):
    """Exceptions and longjmp leave a mark behind, and calls that never return."""
    program = compiled(f"testdata/truth/{source}", cc=cc, flags=[flag, "-g", "-pthread"],
                       name=f"{source}-match{flag}")
    seen = []
    for match in MATCHES:
        run = trace([program, *arguments], rules=rules(source.split(".")[0]),
                    env={"MAPTRACE_MATCH": match})
        seen.append(recognised(run.report()))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][1]["resizes"] > 0


def test_redis_shows_the_same_tables(trace, socket_folder):
    """Its larger ones: what else it makes at its start depends on the time that takes."""
    seen = []
    for match in MATCHES:
        server = Redis(trace, socket_folder, environment={"MAPTRACE_MATCH": match},
                       activerehashing="no")
        server.pipe(encode("SADD", "big", f"member:{number}") for number in range(30000))
        server.pipe(encode("SET", f"key:{number}", number) for number in range(30000))
        server.shutdown()
        report = server.run.report()
        seen.append(sorted((one["rule"], one["resizes"], one["peak_bytes"]) for one in report.tables
                           if (one["peak_bytes"] or 0) >= 1 << 16))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) >= 2


def is_marked(run):
    """Nothing kept the library from using marks (MAPTRACE_VERBOSE=1)."""
    return "tracing to" in run.stderr and "slower matching" not in run.stderr


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("cc, flag", [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O2")])
def test_whatever_comes_between_call_and_allocation(trace, compiled, cc, flag, match):
    """Other stacks, signals, jumps."""
    program = compiled("testdata/truth/marked.c", cc=cc, flags=[flag, "-g", "-pthread"],
                       name=f"marked-{cc}{flag}")
    run = trace([program], rules=rules("marked"),
                env={"MAPTRACE_MATCH": match, "MAPTRACE_VERBOSE": "1"})
    report = run.report()
    arrays, tables = map(int, run.stdout.split())

    assert is_marked(run)
    assert report.totals["arrays"] == arrays
    assert report.rule("marked")["resizes"] == arrays - tables
    assert report.totals["findings"] == 0


def test_another_word_is_complained_about(trace):
    run = trace(["/bin/true"], env={"MAPTRACE_MATCH": "quick"})

    assert run.status == 0
    assert "MAPTRACE_MATCH" in run.text()


@pytest.fixture
def libraries(compiled):
    """Libraries to load at run time: two grow tables, the second while it is loaded, too."""
    return {name: compiled("testdata/truth/plugin.c", name=f"loads-{name}.so",
                           flags=[*FLAGS, "-O2", "-fPIC", "-shared", f"-DNAME={name}", *more])
            for name, more in (("first", []), ("second", ["-DGROW_AT_LOAD"]), ("other", []))}


@pytest.fixture
def loader(compiled):
    return compiled("testdata/truth/loads.c", flags=[*FLAGS, "-O2"], libs=["-ldl", "-pthread"])


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("mode", ["kept", "first-kept", "dropped", "first-dropped", "threads"])
@pytest.mark.parametrize("names", ["other", "first", "first other second"])
def test_libraries_that_are_loaded_later(trace, libraries, loader, names, mode, match):
    """Those that grow tables and those that do not, each time at the address of another."""
    turns, loaded = 6, names.split()
    run = trace([loader, mode, turns, *(libraries[name] for name in loaded)], rules=rules("loads"),
                env={"MAPTRACE_MATCH": match, "MAPTRACE_VERBOSE": "1"})
    report = run.report()
    grown = {f"plugin-{name}": 2 * turns * 3 * 3 for name in loaded if name != "other"}
    if "second" in loaded:
        grown["plugin-second"] += 3 * (1 if mode.endswith("kept") else turns)

    assert run.status == 0
    assert {one["rule"]: one["resizes"] for one in report["rules"] if one["resizes"]} == {
        "loads": int(run.stdout) * 3 // 4, **grown}
    assert report.totals["arrays"] == int(run.stdout) + sum(grown.values()) * 4 // 3
    assert report.totals["findings"] == 0
    # Code is changed only while there is one thread.
    assert is_marked(run) or (mode == "threads" and grown)
