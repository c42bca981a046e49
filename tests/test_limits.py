"""Limits, full disks and odd places for the trace: the program runs on, traced or not."""

import os
import stat
import subprocess

import pytest

from support.disk import mounted
from support.truth import FLAGS, Truth, assert_truth, rules, source


@pytest.fixture
def usable(compiled):
    """A small program with one finding."""
    return compiled(source("usable.c"), flags=[*FLAGS, "-O2"])


# Limits.

def under(trace, maptrace, setup, command, rule, env=None, status=0):
    """Runs COMMAND as the first process of a run after the shell commands SETUP."""
    script = f'{setup}; exec env LD_PRELOAD="{maptrace.library}" "$@"'
    return trace(["/bin/sh", "-c", script, "sh", *command], rules=rules(rule), env=env or {},
                 traced=False, status=status)


def assert_untraced_or_true(run):
    """Either the whole truth was recorded, or nothing was and that is known."""
    truth = Truth(run.stdout)
    assert len(truth.findings) == 1 and len(truth.totals) == 1
    if run.traces and run.report().verdict != "inconclusive":
        assert_truth(run.report(), truth)
        return True
    return False


@pytest.mark.parametrize("kilobytes", [8_000, 20_000, 64_000, 250_000])
def test_small_address_space(trace, maptrace, usable, kilobytes):
    run = under(trace, maptrace, f"ulimit -v {kilobytes}", [usable], "usable",
                env={"MAPTRACE_VERBOSE": "1"})
    if not assert_untraced_or_true(run):
        assert "maptrace" in run.stderr and "memory" in run.stderr.lower()
        assert kilobytes < 250_000, "so much should do"


@pytest.mark.parametrize("kilobytes", [4, 1024])
def test_limit_on_file_size(trace, maptrace, usable, kilobytes):
    """No SIGXFSZ; it is just not traced, and that is said to who asks."""
    for env in ({}, {"MAPTRACE_VERBOSE": "1"}):
        run = under(trace, maptrace, f"ulimit -f {kilobytes * 2}", [usable], "usable", env=env)
        assert len(Truth(run.stdout).findings) == 1
        assert bool(run.stderr) == bool(env)
        assert not run.traces
    assert "maptrace" in run.stderr and "trace.bin" in run.stderr


def test_full_disk(trace, usable, tmp_path):
    with mounted(tmp_path / "disk", "size=256k") as disk:
        for env in ({}, {"MAPTRACE_VERBOSE": "1"}):
            run = trace(usable, rules=rules("usable"),
                        env={"MAPTRACE_OUTPUT": disk / "trace.bin", **env})
            assert len(Truth(run.stdout).findings) == 1
            assert bool(run.stderr) == bool(env)
            assert not list(disk.iterdir()), "what could not be written must not be left behind"
        assert "space" in run.stderr.lower() and str(disk) in run.stderr


def test_room_is_taken_as_it_is_needed(trace, usable):
    """A program with a handful of arrays does not hold the disk space of a full ring."""
    run = trace(usable, rules=rules("usable"))
    [file] = run.traces
    assert_truth(run.report(), Truth(run.stdout))
    assert os.stat(file).st_blocks * 512 < 2 << 20


def test_live_arrays_on_a_full_disk(trace, compiled, reporter, tmp_path):
    """What finds no room any more is counted; the program goes on, and nothing is invented."""
    program = compiled(source("ten_million.c"), flags=[*FLAGS, "-O2"])
    with mounted(tmp_path / "disk", "size=640k") as disk:
        run = trace([program, 200_000, 1_500], rules=rules("ten_million"),
                    env={"MAPTRACE_OUTPUT": disk / "trace.bin"})
        report = reporter.json(disk / "trace.bin")
        assert report.traces[0]["lost_events"] and not report.traces[0]["complete"]
        said = {finding["array"] for finding in report.findings}
        assert said and said <= {finding["array"] for finding in Truth(run.stdout).findings}


def test_disk_that_becomes_full(trace, compiled, reporter, tmp_path):
    """What is alive is kept; a ring that cannot grow any more turns earlier."""
    program = compiled(source("ten_million.c"), flags=[*FLAGS, "-O2"])
    with mounted(tmp_path / "disk", "size=100m") as disk:
        run = trace.start([program, 300_000, 3], rules=rules("ten_million"), ring="1M",
                          env={"MAPTRACE_OUTPUT": disk / "trace.bin"},
                          ready=lambda: (disk / "trace.bin").exists())
        try:
            with open(disk / "ballast", "wb") as ballast:
                while True:
                    ballast.write(bytes(1 << 20))
        except OSError:
            pass
        run.wait()
        assert run.status == 0 and run.stderr == ""
        assert_truth(reporter.json(disk / "trace.bin"), Truth(run.stdout))


def test_read_only_folder(trace, usable, tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for env in ({}, {"MAPTRACE_VERBOSE": "1"}):
            run = trace(usable, cwd=disk, rules=rules("usable"), env={"MAPTRACE_OUTPUT": None, **env})
            assert len(Truth(run.stdout).findings) == 1
            assert bool(run.stderr) == bool(env)
    assert "trace.bin" in run.stderr


# Odd places for the trace.

def test_output_is_a_link(trace, usable, tmp_path):
    target = tmp_path / "target"
    target.write_text("precious")
    place = tmp_path / "trace.bin"
    place.symlink_to(target)
    run = trace(usable, rules=rules("usable"), env={"MAPTRACE_OUTPUT": place})
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
    assert target.read_text() == "precious"
    assert not place.is_symlink() or not place.exists() or os.readlink(place) == str(target)


@pytest.mark.parametrize("make", [
    lambda place: place.mkdir(),
    os.mkfifo,
    lambda place: os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
    lambda place: place.with_name("trace.bin.old").mkdir(),
], ids=["folder", "fifo", "device", "old-is-a-folder"])
def test_output_is_no_file(trace, usable, tmp_path, make):
    """The program goes on, at once; and what is no trace is not renamed away."""
    place = tmp_path / "trace.bin"
    try:
        make(place)
    except PermissionError:
        pytest.skip("no right to make a device")
    before = {path: path.lstat().st_mode for path in tmp_path.iterdir()}
    run = trace(usable, rules=rules("usable"), env={"MAPTRACE_OUTPUT": place}, timeout=10)
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
    assert {path: path.lstat().st_mode for path in before} == before


def test_output_in_no_folder(trace, usable):
    run = trace(usable, rules=rules("usable"), env={"MAPTRACE_OUTPUT": "/nowhere/trace.bin"})
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
