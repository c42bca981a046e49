"""maptrace attach: the agent goes into a running Go program, and out of it."""

import ctypes
import os
import re
import signal
import struct
import subprocess

import pytest

from support.golang import Go
from support.waiting import wait_until

PIE = "-buildmode=pie"
EXTERNAL = "-ldflags=-linkmode=external"
BUILDS = [("1.19", (), False), ("1.21", (PIE,), False), ("1.22", (), False),
          ("1.23", (EXTERNAL,), True), ("1.24", (PIE,), False)]


@pytest.fixture(scope="session")
def go(tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    return Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")


def build(go, version="1.23", source="testdata/go/stuck.go", **options):
    return go(version, source=source, experiment="noswissmap" if version == "1.24" else "",
              **options)


@pytest.fixture
def start(trace):
    """Starts a program untraced and waits until it is ready: its Run."""
    def start(*command, **options):
        run = trace.start(list(map(str, command)), traced=False, **options)
        wait_until(lambda: "ready" in run._log("stdout"), what="the program to be ready")
        return run
    return start


@pytest.fixture
def attach(maptrace, tmp_path):
    """Attaches to a process: a Popen that is recording, or has ended."""
    started = []

    def attach(pid, *options, before=(), **keywords):
        process = subprocess.Popen([*before, maptrace.maptrace, "attach", *options, str(pid)],
                                   stderr=subprocess.PIPE, encoding="utf-8", cwd=tmp_path, **keywords)
        started.append(process)
        process.line = process.stderr.readline()
        return process

    yield attach
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def detach(process):
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0 and "detached" in said, said


def code(run):
    """All executable bytes of the program's own file, as they are in memory."""
    program = os.readlink(f"/proc/{run.pid}/exe")
    stretches = []
    with open(f"/proc/{run.pid}/maps") as maps, open(f"/proc/{run.pid}/mem", "rb") as memory:
        for line in maps:
            words = line.split()
            if len(words) > 5 and words[5] == program and "x" in words[1]:
                low, high = (int(word, 16) for word in words[0].split("-"))
                memory.seek(low)
                stretches.append(memory.read(high - low))
    return stretches


def refused(process, reason):
    assert process.wait(30) == 125
    assert "cannot be traced" in process.line and reason in process.line, process.line


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_program_is_as_it_was(go, start, attach, reporter, tmp_path, version, flags, cgo):
    run = start(build(go, version, flags=flags, cgo=cgo), "60")
    before = code(run)
    process = attach(run.pid)
    assert "recording" in process.line
    during = code(run)
    assert 0 < sum(a != b for left, right in zip(before, during)
                   for a, b in zip(left, right)) < 60
    assert "TracerPid:\t0" in open(f"/proc/{run.pid}/status").read()
    detach(process)
    assert code(run) == before
    assert run.alive()
    assert reporter.json(tmp_path / "trace.bin").traces[0]["lost_events"] == 0


def stress(go, start, attach, version, flags, cgo, attachments):
    # It goes on until it is told, however slow the machine.
    run = start(build(go, version, "testdata/go/stress.go", flags=flags, cgo=cgo), "20", "250")
    for _ in range(attachments):
        process = attach(run.pid)
        assert "recording" in process.line, process.line
        detach(process)
    os.kill(run.pid, signal.SIGUSR1)
    assert run.wait().status == 0
    assert "sums [" + " ".join(["2513460"] * 8) + "]" in run.stdout
    assert re.fullmatch(r"dropped \d+\n", run.stderr)


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_stress(go, start, attach, version, flags, cgo):
    stress(go, start, attach, version, flags, cgo, attachments=5)


@pytest.mark.soak
@pytest.mark.parametrize("round", range(4))
@pytest.mark.parametrize("flags", [(), (PIE,)])
@pytest.mark.parametrize("version", ["1.19", "1.21", "1.22", "1.23", "1.24"])
def test_much_stress(go, start, attach, version, flags, round):
    stress(go, start, attach, version, flags, False, attachments=20)


def test_threads_that_end(go, start, attach):
    """One that is just ending cannot be stopped any more, nor need it be."""
    run = start(build(go, source="testdata/go/threads.go"))
    for _ in range(40):
        process = attach(run.pid)
        assert "recording" in process.line, process.line
        detach(process)
    assert run.alive()


def test_end_of_the_program(go, start, attach, reporter, tmp_path):
    run = start(build(go, "1.22", "testdata/go/stress.go"), "20", "1.5")
    process = attach(run.pid)
    assert run.wait().status == 0
    assert process.wait(30) == 0
    found = reporter.json(tmp_path / "trace.bin")
    assert found.traces[0]["end"] == "exit" and found.totals["resizes"] > 1000


def test_end_by_a_signal(go, start, attach):
    run = start(build(go), "60")
    process = attach(run.pid)
    run.stop(signal.SIGKILL)
    assert process.wait(30) == 0


def test_launcher_that_is_killed_harms_nothing(go, start, attach):
    run = start(build(go, "1.19", "testdata/go/stress.go"), "20", "2")
    process = attach(run.pid)
    process.kill()
    process.wait()
    assert run.wait(30).status == 0
    assert "sums [" + " ".join(["2513460"] * 8) + "]" in run.stdout


@pytest.mark.parametrize("version, flags, cgo", BUILDS)
def test_agent_that_was_left_behind_is_taken_over(go, start, attach, reporter, tmp_path, version,
                                                  flags, cgo):
    """While the program is busy: what was left is neither lost nor in the way."""
    run = start(build(go, version, "testdata/go/stress.go", flags=flags, cgo=cgo), "20", "10")
    before = code(run)
    for _ in range(3):
        process = attach(run.pid)
        assert "recording" in process.line
        process.kill()
        process.wait()
        assert code(run) != before
    process = attach(run.pid)
    assert "recording" in process.line
    detach(process)
    assert code(run) == before
    assert reporter.json(tmp_path / "trace.bin").traces[0]["lost_events"] == 0
    assert run.wait(30).status == 0
    assert "sums [" + " ".join(["2513460"] * 8) + "]" in run.stdout


def test_nobody_drains(go, start, attach):
    """The ring fills, and no more is written than it holds."""
    run = start(build(go, "1.22", "testdata/go/stress.go"), "20", "4")
    process = attach(run.pid, env=dict(os.environ, MAPTRACE_RING="64K"))
    process.kill()
    process.wait()
    assert run.wait(30).status == 0


def test_second_launcher_is_refused(go, start, attach):
    run = start(build(go), "60")
    first = attach(run.pid)
    refused(attach(run.pid), "another maptrace")
    detach(first)
    again = attach(run.pid)
    assert "recording" in again.line
    detach(again)


def test_swiss_maps(go, start, attach, reporter, tmp_path):
    run = start(go("1.24"), "60")
    process = attach(run.pid)
    assert "recording" in process.line
    detach(process)


def test_program_that_is_not_go(trace, attach):
    run = trace.start(["sleep", "60"], traced=False)
    refused(attach(run.pid), "not a Go program")
    assert run.alive()


def test_no_such_process(attach):
    child = subprocess.Popen(["true"])
    child.wait()
    refused(attach(child.pid), "no such process")


def test_debugger(go, start, attach):
    run = start(build(go), "60")
    debugger = subprocess.Popen(["strace", "-qq", "-e", "trace=none", "-p", str(run.pid)])
    try:
        wait_until(lambda: "TracerPid:\t0" not in open(f"/proc/{run.pid}/status").read(),
                   what="strace to attach")
        refused(attach(run.pid), f"process {debugger.pid} traces it")
    finally:
        debugger.terminate()
        debugger.wait()
    assert run.alive()


def test_stopped_program(go, start, attach):
    run = start(build(go), "60")
    os.kill(run.pid, signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in open(f"/proc/{run.pid}/status").read(), what="it to stop")
    refused(attach(run.pid), "stopped")
    os.kill(run.pid, signal.SIGCONT)
    assert run.alive()


def filter_system_calls():
    """A filter that kills for memfd_create, as what makes system calls from without must fear."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, 319), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7fff0000)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0


def test_sandbox(go, maptrace, attach):
    with subprocess.Popen([build(go), "60"], preexec_fn=filter_system_calls,
                          stdout=subprocess.PIPE, encoding="utf-8") as process:
        while not process.stdout.readline().startswith("ready"):
            pass
        drop = ["setpriv", "--bounding-set", "-sys_admin"] if os.getuid() == 0 else []
        refused(attach(process.pid, before=drop), "seccomp")
        if os.getuid() == 0:
            detach(attach(process.pid))
        assert process.poll() is None
        process.kill()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_users_process(go, start, maptrace):
    run = start(build(go), "60")
    with open(maptrace.maptrace, "rb") as program:
        done = subprocess.run([f"/proc/self/fd/{program.fileno()}", "attach", str(run.pid)],
                              pass_fds=[program.fileno()], user=65534, group=65534,
                              extra_groups=[], capture_output=True, encoding="utf-8", cwd="/tmp")
    assert done.returncode == 125 and "may not be traced" in done.stderr
    assert run.alive()


@pytest.mark.parametrize("words", [[], ["1", "2"], ["x"], ["0"], ["--format=xml", "1"]])
def test_bad_usage(maptrace, words):
    done = subprocess.run([maptrace.maptrace, "attach", *words], capture_output=True,
                          encoding="utf-8")
    assert done.returncode == 2 and done.stderr
