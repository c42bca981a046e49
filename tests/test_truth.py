"""Programs of a known truth: the report must say exactly what the program knows of itself."""

import pytest

from support.truth import (COMPILERS, FLAGS, Truth, assert_findings, assert_totals, assert_truth,
                           number, rules, source)
from support.waiting import wait_until

pytestmark = pytest.mark.truth


@pytest.fixture(params=COMPILERS, ids=lambda build: "".join(build))
def build(request):
    return request.param


@pytest.fixture
def truth_of(trace, compiled):
    """Compiles, runs and reports on one program: (report, truth). All that is said must be true."""
    def run(name, *arguments, build=("gcc", "-O2"), function=None, flags=(), table_unknown=False,
            judging={}, ring=None, rule=None, timeout=120):
        stem, _, suffix = name.partition(".")
        program = compiled(source(f"{stem}.{suffix or 'c'}"), cc=build[0],
                           flags=[*FLAGS, build[1], *flags])
        run = trace([program, *arguments], rules=rules(rule or stem), ring=ring, timeout=timeout)
        assert run.stderr == ""
        report, truth = run.report(**judging), Truth(run.stdout)
        assert_truth(report, truth, function, table_unknown)
        # A run without a truth would prove nothing.
        assert truth.findings or truth.totals or truth.notes
        report.run = run
        return report, truth
    return run


# A thousand tables.

@pytest.mark.parametrize("order", ["turn", "random"])
@pytest.mark.parametrize("layout", ["embedded", "heap", "offset", "value", "inside"])
def test_one_of_a_thousand_leaks(truth_of, build, layout, order):
    report, truth = truth_of("thousand", layout, order, 4, 1, build=build,
                             function="thousand_grow", table_unknown=layout == "value")
    assert len(truth.findings) == 1
    assert report.rule("thousand")["status"] == "active"


def test_ten_of_a_thousand_leak(truth_of, build):
    _, truth = truth_of("thousand", "embedded", "random", 7, 10, build=build)
    assert len(truth.findings) == 10


def test_none_of_a_thousand_leaks(truth_of, build):
    truth_of("thousand", "heap", "random", 5, 0, build=build)


def test_first_arrays_that_no_grow_function_made(truth_of, build):
    truth_of("adopted", build=build)


# Parallel arrays.

@pytest.mark.parametrize("scratch", ["none", "small", "large", "both"])
@pytest.mark.parametrize("sites", ["separate", "loop", "equal"])
def test_two_of_three_parallel_arrays_leak(truth_of, build, sites, scratch):
    report, _ = truth_of("parallel", sites, scratch, build=build, function="parallel_grow")
    assert len({(finding["table"], finding["pid"]) for finding in report.findings}) == 1


# Incremental tables. The default stall is one second.

SHORT = {"stall": "400ms", "grace": "100ms"}


@pytest.fixture(params=[{}, {"flags": ["-DPLAIN"], "rule": "incremental-plain"}],
                ids=["redis-like", "plain"])
def layout(request):
    return request.param


@pytest.mark.serial
def test_stuck_by_the_default_stall(truth_of):
    report, _ = truth_of("incremental", "stuck", 1600, function="dict_grow")
    [finding] = report.findings
    assert 1_400_000_000 < finding["overstay_ns"] < 2_500_000_000
    assert finding["released_ns"] is None


@pytest.mark.serial
def test_late_by_the_default_stall(truth_of):
    report, _ = truth_of("incremental", "late", 2000)
    [finding] = report.findings
    assert 1_900_000_000 < finding["overstay_ns"] < 3_000_000_000


@pytest.mark.serial
def test_abandoned_half_way_is_stuck(truth_of, build, layout):
    report, _ = truth_of("incremental", "stuck", 700, build=build, **layout, judging=SHORT)
    [finding] = report.findings
    assert 600_000_000 < finding["overstay_ns"] < 1_500_000_000


@pytest.mark.serial
def test_abandoned_and_resumed_is_late(truth_of, layout):
    report, _ = truth_of("incremental", "late", 700, **layout, judging=SHORT)
    [finding] = report.findings
    assert 600_000_000 < finding["overstay_ns"] < 1_500_000_000


@pytest.mark.serial
def test_slow_but_steady_is_clean(truth_of, layout):
    # Thirty-two moves, each 100 ms after the one before: much longer than the stall in all.
    truth_of("incremental", "slow", 800, **layout, judging=SHORT)


def test_finished_at_once_is_clean(truth_of, build, layout):
    truth_of("incremental", "clean", 0, build=build, **layout)


@pytest.mark.serial
def test_unfinished_at_exit_is_counted(truth_of, build, layout):
    report, _ = truth_of("incremental", "unfinished", 0, build=build, **layout)
    assert report.totals["unfinished"] == 1


@pytest.mark.serial
def test_destroyed_in_the_middle_is_clean(truth_of, build, layout):
    truth_of("incremental", "destroyed", 600, build=build, **layout, judging=SHORT)


@pytest.mark.serial
def test_destroyed_after_a_stall_is_late(truth_of, layout):
    truth_of("incremental", "destroyed-late", 700, **layout, judging=SHORT)


@pytest.mark.serial
@pytest.mark.parametrize("mode", ["clean", "stuck", "late", "unfinished", "destroyed"])
def test_incremental_without_places(trace, compiled, layout, mode):
    """Nothing is known of the table, so no progress is: what counts is the release."""
    program = compiled(source("incremental.c"), flags=[*FLAGS, "-O2", *layout.get("flags", [])])
    run = trace([program, mode, 700], rules=rules("incremental-bare"))
    truth = Truth(run.stdout)
    for finding in truth.findings:
        finding["of"] = 0
    assert_findings(run.report(**SHORT), truth.findings)


@pytest.mark.serial
def test_stuck_in_a_running_program(trace, compiled):
    program = compiled(source("incremental.c"), flags=[*FLAGS, "-O2"])
    run = trace.start([program, "stuck", 60000], rules=rules("incremental"))
    wait_until(lambda: run.traces and run.report(**SHORT).findings, timeout=10)
    report = run.report(**SHORT)
    assert report.traces[0]["end"] == "running"
    truth = Truth((run.folder / "stdout").read_text())
    assert_findings(report, truth.findings)
    run.stop()
    assert_findings(run.report(**SHORT), truth.findings)


# Deferred release.

@pytest.mark.serial
@pytest.mark.parametrize("mode", ["one", "all"])
def test_deferred_in_time_is_clean(truth_of, mode):
    truth_of("deferred", mode, 20)


@pytest.mark.serial
@pytest.mark.parametrize("mode", ["one", "all"])
def test_deferred_too_long_is_late(truth_of, mode):
    report, truth = truth_of("deferred", mode, 400, function="deferred_grow")
    assert len(truth.findings) == (1 if mode == "one" else 20)
    for finding in report.findings:
        assert 390_000_000 < finding["overstay_ns"] < 800_000_000
        assert finding["released_ns"] is not None


@pytest.mark.serial
def test_slow_grow_function_is_clean(truth_of, build):
    truth_of("deferred", "slow", 300, build=build)


@pytest.mark.serial
def test_overstay_begins_when_the_grow_function_is_over(truth_of, build):
    truth_of("deferred", "slow-then-one", 300, build=build)


# Long runs.

def test_ten_million_resizes_through_a_small_ring(truth_of):
    report, truth = truth_of("ten_million", 10_000_000, 3, ring="1M", timeout=240)
    assert len(truth.findings) == 3
    assert report.run.output.stat().st_size < 64 << 20
    early, late = truth.notes["early_kilobytes"], truth.notes["late_kilobytes"]
    assert late < early + 2048, f"memory grows: {early} KiB, then {late} KiB"


# Threads.

@pytest.mark.parametrize("mode", ["own", "handed", "dying"])
@pytest.mark.parametrize("leaks", [0, 3])
def test_eight_threads(truth_of, mode, leaks):
    # How long a hand-over takes is up to the scheduler of a busy machine.
    judging = {"grace": "20s"} if mode == "handed" else {"grace": "2s"}
    _, truth = truth_of("threads", 8, 60, leaks, mode, judging=judging)
    assert len(truth.findings) == 8 * leaks


def test_many_threads_that_end(truth_of):
    truth_of("threads", 40, 10, 1, "dying", judging={"grace": "2s"})


# realloc.

@pytest.mark.parametrize("mode", ["place", "failure", "array", "shrink"])
def test_realloc(truth_of, build, mode):
    report, truth = truth_of("reallocated", mode, build=build)
    arrays = {number(array): table["bytes"] for table in report.tables for array in table["arrays"]}
    assert arrays == {number(table["array"]): table["bytes"] for table in truth.tables}
    if mode == "place":
        assert truth.notes["moves"] > 0, "no block moved: the program proves nothing"


# Where tables live.

@pytest.mark.parametrize("mode", ["local", "global", "moving", "swapped", "rebuilt", "stolen",
                                  "shrunk", "cleared", "destroyed", "outside"])
def test_dwellings(truth_of, build, mode):
    truth_of("dwellings", mode, build=build)


@pytest.mark.parametrize("mode", ["swapped", "moved", "remade", "stack"])
def test_what_was_learned_is_not_believed_of_tables_that_changed_places(truth_of, build, mode):
    _, truth = truth_of("learned.cpp", mode, build=build, flags=cpp_flags(build))
    assert len(truth.findings) >= 4


# Frames that are not there.

@pytest.mark.parametrize("flags", [[], ["-flto"]], ids=["", "lto"])
@pytest.mark.parametrize("mode", ["free", "release", "install", "wrapper", "static"])
def test_tail_calls(truth_of, build, mode, flags):
    if build[0] == "clang" and flags:
        flags = [*flags, "-fuse-ld=lld"]
    truth_of("tail", mode, build=build, flags=flags, function="tail_grow")


@pytest.mark.serial
def test_tail_called_function_belongs_to_the_grow_function(truth_of, build):
    truth_of("tail", "install", 300, build=build)


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O2", "-O3"])
@pytest.mark.parametrize("format", ["-gdwarf-4", "-gdwarf-5"])
def test_inlined_grow_function(truth_of, cc, level, format):
    truth_of("inlined", build=(cc, level), flags=[format], function="inlined_grow")


@pytest.mark.parametrize("strip", [False, True], ids=["no-debug-info", "stripped"])
def test_inlined_grow_function_without_debug_info_is_blind(trace, compiled, strip):
    flags = [flag for flag in FLAGS if flag != "-g"]
    program = compiled(source("inlined.c"), flags=[*flags, "-O2"], strip=strip)
    run = trace(program, rules=rules("inlined"))
    report = run.report()
    rule = report.rule("inlined")
    assert (rule["status"], rule["symbols"], rule["resizes"]) == ("blind", 0, 0)
    assert rule["reason"]
    assert report.verdict == "inconclusive" and run.check() == 24
    assert "blind" in run.text() and rule["reason"] in " ".join(run.text().split())


@pytest.mark.parametrize("name, arguments", [
    ("thousand", ["embedded", "random", 4, 3]), ("tail", ["free"]), ("tail", ["wrapper"])])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_code_without_unwind_information(trace, compiled, cc, level, name, arguments):
    """What cannot be seen must be said; 'clean' would be a lie."""
    program = compiled(source(f"{name}.c"), cc=cc, flags=[
        *FLAGS, level, "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-g0"])
    run = trace([program, *arguments], rules=rules(name))
    report, truth = run.report(), Truth(run.stdout)
    rule = report.rule(name)
    if rule["status"] == "active":
        assert_findings(report, truth.findings, table_unknown=True)
    else:
        assert rule["status"] == "blind" and rule["reason"] and report.verdict == "inconclusive"


# Plugins.

@pytest.fixture
def plugins(compiled):
    """Two plugins of different size, and a program that loads them."""
    flags = [*FLAGS, "-O2", "-fPIC", "-shared"]
    first = compiled(source("plugin.c"), flags=[*flags, "-DNAME=first"], name="first.so")
    second = compiled(source("plugin.c"), name="second.so", flags=[
        *flags, "-DNAME=second", "-DFILLER=3000", "-DGROW_AT_UNLOAD"])
    return first, second, compiled(source("plugin_host.c"), flags=[*FLAGS, "-O2"], libs=["-ldl"])


def test_plugins_come_and_go(trace, plugins):
    first, second, host = plugins
    run = trace([host, 5, first, second], rules=rules("plugin"))
    report, truth = run.report(), Truth(run.stdout)
    assert len(truth.findings) == 2
    assert_findings(report, truth.findings)
    each = truth.notes["resizes_each"]
    assert report.rule("plugin-first")["resizes"] == each
    assert report.rule("plugin-second")["resizes"] == each + 5 * 3
    for finding, name in zip(sorted(report.findings, key=lambda finding: finding["rule"]),
                             ["first", "second"]):
        assert finding["rule"] == f"plugin-{name}"
        assert f"{name}_grow" in [frame["function"] for frame in finding["stack"]]
        assert any((frame["module"] or "").endswith(f"{name}.so") for frame in finding["stack"])


def test_plugin_at_the_address_of_another(trace, plugins, compiled):
    """What a name means changes when the address is used again."""
    first, _, host = plugins
    # Of the same size and shape as the first, so that it is loaded at the same place.
    twin = compiled(source("plugin.c"), name="twin.so",
                    flags=[*FLAGS, "-O2", "-fPIC", "-shared", "-DNAME=second"])
    run = trace([host, 4, first, twin], rules=rules("plugin"))
    report, truth = run.report(), Truth(run.stdout)
    places = [note["loaded_at"] for note in truth.all_notes if "loaded_at" in note]
    assert len(set(places)) < len(places), "no address was used again: this proves nothing"
    assert_findings(report, truth.findings)
    each = truth.notes["resizes_each"]
    assert [report.rule(name)["resizes"] for name in ("plugin-first", "plugin-second")] == [each] * 2
    assert {finding["rule"]: finding["stack"][0]["function"] for finding in report.findings} == {
        "plugin-first": "first_grow", "plugin-second": "second_grow"}


# Mapped arrays.

@pytest.mark.parametrize("mode", ["mmap", "leaked", "mremap"])
def test_mapped_arrays(truth_of, build, mode):
    report, truth = truth_of("mapped", mode, build=build)
    assert len(truth.findings) == (mode == "leaked")
    assert report.totals["arrays"] >= len(truth.tables)


# C++.

def cpp_flags(build, *flags):
    return ["-std=c++20", *flags, *(["-fsized-deallocation"] if build[0] == "clang" else [])]


def test_every_form_of_operator_new(truth_of, build):
    _, truth = truth_of("operators.cpp", build=build, flags=cpp_flags(build),
                        function="operators::grow_")
    assert truth.notes["failures"] == 48


def test_operator_new_of_the_program_stays_its_own(truth_of, build):
    _, truth = truth_of("own_new.cpp", build=build, flags=cpp_flags(build))
    assert (truth.notes["news"], truth.notes["deletes"]) == (60, 50)


@pytest.mark.parametrize("flags", [[], ["-static-libstdc++", "-static-libgcc"]],
                         ids=["shared", "static-libstdc++"])
def test_exception_out_of_a_grow_function(truth_of, build, flags):
    _, truth = truth_of("thrown.cpp", build=build, flags=cpp_flags(build, *flags))
    assert truth.notes["caught"] == 54


@pytest.mark.parametrize("flags", [[], ["-static-libstdc++", "-static-libgcc"]],
                         ids=["shared", "static-libstdc++"])
def test_cpp_plugin_of_a_c_program(trace, compiled, build, flags):
    """The program knows no operator new; bad_alloc must still come as its library throws it."""
    plugin = compiled(source("thrown.cpp"), cc=build[0], name="thrown.so",
                      flags=[*FLAGS, build[1], *cpp_flags(build), "-DPLUGIN", "-fPIC", "-shared",
                             *flags])
    host = compiled(source("plugin_host.c"), flags=[*FLAGS, "-O2"], libs=["-ldl"])
    run = trace([host, 1, plugin], rules=rules("thrown"))
    truth = Truth(run.stdout)
    assert truth.notes["caught"] == 54
    assert_truth(run.report(), truth)


def test_operators_of_plugins_that_come_and_go(trace, compiled):
    """Each has its own operator new: what was found for one is gone with it."""
    flags = [*FLAGS, "-O2", "-std=c++20", "-DPLUGIN", "-fPIC", "-shared"]
    # Different in size, so that one's operator is not where the other's was.
    plugins = [compiled(source("own_new.cpp"), name=f"own{number}.so",
                        flags=[*flags, "-Wl,--as-needed", "-fno-exceptions", f"-DFILLER={filler}"])
               for number, filler in enumerate([10, 9000])]
    host = compiled(source("plugin_host.c"), flags=[*FLAGS, "-O2"], libs=["-ldl"])
    run = trace([host, 4, *plugins], rules=rules("own_new"))
    notes = [note for note in Truth(run.stdout).all_notes if "news" in note]
    assert [(note["news"], note["deletes"]) for note in notes] == [(60, 50)] * 8
    report = run.report()
    assert report.verdict == "clean" and report.totals["resizes"] == 8 * 50


# Grow functions that are left in the middle.

def test_longjmp_out_of_a_grow_function(truth_of, build):
    truth_of("unwound", "freed", build=build)


def test_new_array_lost_by_longjmp(trace, compiled, build):
    """The table keeps its old array. That the new one is lost may be said; nothing else may."""
    program = compiled(source("unwound.c"), cc=build[0], flags=[*FLAGS, build[1]])
    run = trace([program, "lost"], rules=rules("unwound"))
    report, truth = run.report(), Truth(run.stdout)
    lost = {note["lost"] for note in truth.all_notes if "lost" in note}
    assert len(lost) == 2
    assert {number(finding["array"]) for finding in report.findings} <= {number(at) for at in lost}
    [total] = truth.totals
    assert_totals(report, {**total, "resizes": [total["resizes"], total["resizes"] + 2]})
