"""Processes that end, fork and start others: each finding in the trace of the process it is of."""

import os
import signal
import stat

import pytest

from support.truth import (FLAGS, Truth, assert_complete, assert_findings, rules, source)
from support.waiting import wait_until

SHORT = {"stall": "400ms", "grace": "100ms"}


@pytest.fixture
def program(compiled):
    return compiled(source("processes.c"), flags=[*FLAGS, "-O2"])


@pytest.fixture
def forks(compiled):
    return compiled(source("forks.c"), flags=[*FLAGS, "-O2"])


class Processes:
    """One run of a program with several processes, and what it should have left."""

    def __init__(self, trace):
        self.trace = trace

    def __call__(self, command, rule="processes", status=0, start=False, **options):
        self.truth_file = self.trace.folder / f"truth{self.trace.runs}"
        env = {"TRUTH_FILE": self.truth_file, **options.pop("env", {})}
        go = self.trace.start if start else self.trace
        self.run = go(command, rules=rules(rule), env=env,
                      **({} if start else {"status": status}), **options)
        return self

    @property
    def truth(self):
        return Truth.of_file(self.truth_file)

    @property
    def pids(self):
        """Of the traces that were written, in the order of their names."""
        return [self.pid_of(path) for path in self.run.traces]

    def pid_of(self, path):
        return self.run.reporter.json(path).traces[0]["pid"]

    def check(self, **judging):
        """The findings are exactly the truth; the files are as the contract says. The report."""
        self.check_files()
        report = self.run.report(**judging)
        assert_complete(report)
        assert_findings(report, self.truth.findings)
        return report

    def check_files(self):
        run = self.run
        assert run.traces[0] == run.output
        pids = self.pids
        assert pids[0] == run.pid
        for path in run.traces:
            status = path.lstat()
            assert stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600, path
        for path, pid in zip(run.traces[1:], pids[1:]):
            assert path.name == f"{run.output.name}.{pid}"
        expected = {"stdout", "stderr", "test.rules", *(path.name for path in run.traces)}
        assert {path.name for path in run.folder.iterdir()} == expected
        assert (run.folder / "stderr").read_text() == ""


@pytest.fixture
def processes(trace):
    return Processes(trace)


# Ways to end.

@pytest.mark.parametrize("mode, status, ends", [
    ("exit", 5, {"exit"}),
    ("raw-exit", 5, {"exit"}),
    ("quick-exit", 5, {"exit", "unknown"}),
    ("abort", -signal.SIGABRT, {"unknown", "signal"}),
    ("kill", -signal.SIGKILL, {"unknown"}),
    ("kill-midst", -signal.SIGKILL, {"unknown"}),
])
def test_end(processes, program, mode, status, ends):
    report = processes([program, mode], status=status).check()
    assert len(report.traces) == 1
    assert report.traces[0]["end"] in ends
    assert len(report.findings) == (mode != "kill-midst")


def test_killed_before_the_end_of_the_resize_was_seen(processes, program):
    """Nothing happened after the grow function: it may be found or unfinished, never unseen."""
    processes([program, "kill-silently"], status=-signal.SIGKILL)
    report = processes.run.report()
    if report.findings:
        assert_findings(report, processes.truth.findings)
    else:
        assert report.totals["unfinished"] == 1


def test_killed_from_outside(processes, program):
    processes([program, "lives"], start=True, ready=lambda: processes_ready(processes))
    processes.run.stop(signal.SIGKILL)
    report = processes.check()
    assert len(report.findings) == 1
    assert report.traces[0]["end"] in ("unknown", "signal")


def processes_ready(processes):
    return "ready" in processes.truth.notes


# Other programs. After exec the pid is the same, so the file's name tells nothing new.

def images(processes):
    """Traces of the run in which a process may have had several images, one after another."""
    run = processes.run
    return sorted(path for path in run.folder.iterdir() if path.name.startswith(run.output.name))


def test_exec_of_another_program(processes, program):
    report = processes([program, "exec-other"]).check()
    assert processes.pids == [processes.run.pid]
    assert len(report.findings) == 1


def test_exec_over_itself(processes, program, reporter):
    """Both images leak; neither clobbers the other's trace."""
    processes([program, "exec-self"])
    found = reporter.json(*images(processes))
    assert len(processes.truth.findings) == 2
    assert_findings(found, processes.truth.findings)
    assert len(found.traces) == 2
    assert {trace["pid"] for trace in found.traces} == {processes.run.pid}


def test_exec_after_fork(processes, forks, reporter):
    processes([forks, "fork-exec"])
    found = reporter.json(*images(processes))
    assert len(processes.truth.findings) == 2
    assert_findings(found, processes.truth.findings)


@pytest.mark.parametrize("mode", ["vfork", "spawn", "system"])
def test_child_runs_a_program(processes, program, mode):
    report = processes([program, mode]).check()
    assert len(processes.pids) == 2, "the shell and its helpers may leave no trace"
    assert {finding["pid"] for finding in report.findings} == set(processes.pids)


def test_shells_and_helpers_leave_nothing(trace):
    run = trace(["/bin/sh", "-c", "ls / | sort | grep -c . ; (true; /bin/true); cat /dev/null"],
                rules=rules("processes"))
    assert {path.name for path in run.folder.iterdir()} == {
        "stdout", "stderr", "test.rules", "trace.bin"}
    assert run.stderr == ""


def test_program_under_a_shell(processes, program):
    """The shell is the first process; its child leaks."""
    report = processes(["/bin/sh", "-c", f"{program} leaf; true"]).check()
    assert len(report.traces) == 2
    assert report.findings[0]["pid"] == processes.pids[1]


# Fork without exec.

@pytest.mark.parametrize("mode, traces", [
    ("fork-child-leaks", 2),
    ("fork-parent-leaks", 2),
    ("fork-both-leak", 2),
    ("fork-child-releases", 2),
    ("fork-child-grows-on", 2),
    ("fork-idle", 1),
    ("fork-raw-exit", 2),
    ("fork-midst", 2),
    ("nested", 4),
])
def test_fork(processes, forks, mode, traces):
    report = processes([forks, mode]).check()
    assert len(report.traces) == traces
    assert [trace["end"] for trace in report.traces] == ["exit"] * traces


@pytest.mark.serial
def test_leak_before_the_fork_is_told_once(processes, forks):
    report = processes([forks, "fork-after-leak"]).check()
    assert [finding["pid"] for finding in report.findings] == [processes.run.pid]


def test_parent_and_child_are_killed(processes, forks):
    report = processes([forks, "fork-killed"], status=-signal.SIGKILL).check()
    assert len({finding["pid"] for finding in report.findings}) == 2


def test_fork_while_others_allocate(processes, forks):
    report = processes([forks, "fork-threads"], timeout=60).check()
    assert len(report.findings) == 5
    assert len(report.traces) == 41


def test_daemon(processes, forks):
    """It has left the folder and closed all descriptors before it grows anything."""
    processes([forks, "daemon"])
    wait_until(lambda: "daemon" in processes.truth.notes)
    child = processes.truth.notes["daemon"]
    wait_until(lambda: not os.path.exists(f"/proc/{child}"))
    report = processes.check()
    assert {finding["pid"] for finding in report.findings} == {child}


def test_daemon_with_the_default_output(processes, forks):
    """A relative name means the folder in which the first process began."""
    processes([forks, "daemon"], env={"MAPTRACE_OUTPUT": None})
    wait_until(lambda: "daemon" in processes.truth.notes)
    child = processes.truth.notes["daemon"]
    wait_until(lambda: not os.path.exists(f"/proc/{child}"))
    assert processes.pids == [processes.run.pid, child]
    processes.check()


@pytest.mark.serial
@pytest.mark.parametrize("who, stuck", [
    ("parent-finishes", 0), ("child-finishes", 1), ("child-late", 0), ("child-own", 1)])
def test_fork_in_an_open_resize(processes, compiled, who, stuck):
    program = compiled(source("fork_open.c"), flags=[*FLAGS, "-O2"])
    report = processes([program, who, 700], rule="fork_open").check(**SHORT)
    assert len(report.findings) == stuck
    for finding in report.findings:
        assert (finding["pid"] == processes.run.pid) == (who == "child-finishes")


# Files.

def test_trace_of_a_running_program(processes, program):
    processes([program, "lives"], start=True, ready=lambda: processes_ready(processes))
    wait_until(lambda: processes.run.report().findings, timeout=5)
    report = processes.check()
    assert report.traces[0]["end"] == "running"
    assert report.totals["tables"] == 6
    processes.run.stop()
    assert processes.check().traces[0]["end"] in ("unknown", "signal")


def test_old_trace_is_kept(trace, program, reporter):
    """In one folder: the newest run is trace.bin, the one before it trace.bin.old."""
    runs = []
    for _ in range(3):
        folder = trace.folder / "same"
        folder.mkdir(exist_ok=True)
        runs.append(trace([program, "leaf"], cwd=folder, rules=rules("processes"),
                          env={"MAPTRACE_OUTPUT": None}))
    assert {path.name for path in folder.iterdir()} == {"trace.bin", "trace.bin.old"}
    pids = [reporter.json(folder / name).traces[0]["pid"] for name in ("trace.bin", "trace.bin.old")]
    assert pids == [runs[2].pid, runs[1].pid]


@pytest.mark.parametrize("pattern", ["%e.%p.trace", "%%%p"])
def test_output_pattern(trace, program, reporter, pattern):
    folder = trace.folder / "named"
    folder.mkdir()
    run = trace([program, "leaf"], cwd=folder, rules=rules("processes"),
                env={"MAPTRACE_OUTPUT": pattern})
    [path] = folder.iterdir()
    assert reporter.json(path).traces[0]["pid"] == run.pid
    if pattern.startswith("%e"):
        assert path.name == f"processes.{run.pid}.trace"


def trap_child(processes, forks, set_trap):
    """Runs a program whose child waits until SET_TRAP has put something in its trace's place."""
    processes([forks, "fork-waits"], start=True,
              ready=lambda: "child" in processes.truth.notes)
    run = processes.run
    place = run.output.with_name(f"{run.output.name}.{processes.truth.notes['child']}")
    set_trap(place)
    (run.folder / "go").touch()
    run.wait()
    assert run.status == 0 and run.stderr == ""
    return place


def test_child_never_follows_a_link(processes, forks, tmp_path):
    target = tmp_path / "target"
    for content in (None, "precious"):
        if content is not None:
            target.write_text(content)
        place = trap_child(processes, forks, lambda place: place.symlink_to(target))
        assert place.is_symlink()
        assert (target.read_text() if target.exists() else None) == content


def test_child_never_clobbers_a_file(processes, forks):
    place = trap_child(processes, forks, lambda place: place.write_text("precious"))
    assert place.read_text() == "precious"


def test_child_meets_a_folder(processes, forks):
    place = trap_child(processes, forks, lambda place: place.mkdir())
    assert place.is_dir() and not list(place.iterdir())
