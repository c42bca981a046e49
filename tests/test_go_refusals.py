"""Where a Go program may not be traced: what is said, and that the program runs as it would alone."""

import ctypes
import os
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from support.golang import Go
from support.waiting import wait_until

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


def deny(number):
    """A filter for a child, in which system call NUMBER answers EPERM, as in many containers."""
    def apply():
        code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001),
                (0x06, 0, 0, 0x7fff0000)]
        filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
        program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
    return apply


PTRACE = 101


class Place:
    """A folder that anybody may use, with a Go program and maptrace in it."""

    def __init__(self, folder, maptrace, program):
        folder.chmod(0o777)
        self.folder = folder
        self.program = self.put(program, "program")
        self.maptrace = self.put(maptrace.maptrace, "maptrace")
        self.put(maptrace.library, "libmaptrace.so")
        self.put(maptrace.report, "maptrace-report")
        self.started = []

    def put(self, path, name):
        (self.folder / name).write_bytes(path.read_bytes())
        (self.folder / name).chmod(0o755)
        return self.folder / name

    def call(self, *words, **options):
        return subprocess.run(list(map(str, words)), capture_output=True, encoding="utf-8",
                              cwd=self.folder, timeout=60, **options)

    def start(self, *words, **options):
        """Starts the program, with a command before it: a Popen of what is ready."""
        process = subprocess.Popen([*map(str, words), self.program, "60"], stdout=subprocess.PIPE,
                                   cwd=self.folder, encoding="utf-8", start_new_session=True,
                                   **options)
        self.started.append(process)
        while not process.stdout.readline().startswith("ready"):
            pass
        return process


@pytest.fixture
def place(socket_folder, maptrace, tmp_path_factory, request):
    base = tmp_path_factory.getbasetemp()
    go = Go((base.parent if hasattr(request.config, "workerinput") else base) / "go")
    place = Place(socket_folder, maptrace, go("1.23"))
    yield place
    for process in place.started:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def refused(done, reason):
    assert done.returncode == 125 and "cannot be traced" in done.stderr and reason in done.stderr, \
        done.stderr


def ran(done, status, reason):
    assert (done.returncode, done.stdout[-11:]) == (status, "sum 201000\n"), done.stderr
    if reason:
        [line] = [line for line in done.stderr.splitlines() if "cannot be traced" in line]
        assert reason in line, line
    else:
        assert not done.stderr


def alive(process):
    return process.poll() is None and "TracerPid:\t0" in open(f"/proc/{process.pid}/status").read()


def test_ptrace_denied_when_it_is_started(place):
    ran(place.call(place.maptrace, "run", "--check", "--", place.program, "0.1",
                   preexec_fn=deny(PTRACE)), 24, "it cannot be stopped by ptrace")
    ran(place.call(place.maptrace, "run", "--", place.program, "0.1", preexec_fn=deny(PTRACE)),
        0, "it cannot be stopped by ptrace")


def test_ptrace_denied_when_it_is_attached_to(place):
    process = place.start()
    refused(place.call(place.maptrace, "attach", process.pid, preexec_fn=deny(PTRACE)),
            "ptrace is not allowed here")
    assert alive(process)
    # A scan writes nothing, and needs only the right to read.
    done = place.call(place.maptrace, "scan", process.pid, preexec_fn=deny(PTRACE))
    assert done.returncode == 0 and "2 maps are in the middle of a resize" in done.stdout


@ROOT
@pytest.mark.skipif(not os.access(YAMA, os.W_OK), reason="this kernel has no Yama, or it may not be set")
def test_yama(place):
    """Scope 3 could not be taken back: PTRACE denied is the test for it."""
    before = YAMA.read_text().strip()
    process = place.start(**NOBODY)
    try:
        for scope in ("1", "2"):
            YAMA.write_text(scope)
            refused(place.call(place.maptrace, "attach", process.pid, **NOBODY),
                    "ptrace is not allowed here")
            # Its own child may be traced in scope 1.
            ran(place.call(place.maptrace, "run", "--", place.program, "0.1", **NOBODY), 0,
                "its Go maps cannot be traced: it cannot be stopped by ptrace" if scope == "2" else "")
        assert alive(process)
    finally:
        YAMA.write_text(before)


@ROOT
@pytest.mark.parametrize("give, reason", [
    (["chmod", "u+s"], "set-user-ID"), (["chmod", "g+s"], "set-group-ID"),
    (["setcap", "cap_net_raw+ep"], "file capabilities"),
])
def test_program_with_privileges(place, give, reason):
    subprocess.run([*give, place.program], check=True)
    done = place.call(place.maptrace, "run", "--check", "--", place.program, "0.1", **NOBODY)
    ran(done, 24, reason)
    process = place.start(**NOBODY)
    refused(place.call(place.maptrace, "attach", process.pid, **NOBODY), "has gained privileges")
    assert alive(process)


@ROOT
def test_nobody_needs_no_privileges(place, reporter):
    process = place.start(**NOBODY)
    attached = subprocess.Popen([place.maptrace, "attach", "-o", "attached.bin", str(process.pid)],
                                stderr=subprocess.PIPE, encoding="utf-8", cwd=place.folder, **NOBODY)
    assert "recording" in attached.stderr.readline()
    assert alive(process)
    wait_until(lambda: len(reporter.json(place.folder / "attached.bin", stall="100ms")
                           .of(kind="stuck")) == 2, what="the two stuck maps")
    attached.terminate()
    assert "detached" in attached.communicate(timeout=30)[1] and attached.returncode == 0
    assert alive(process)
    done = place.call(place.maptrace, "scan", process.pid, **NOBODY)
    assert done.returncode == 0 and "2 maps are in the middle of a resize" in done.stdout


STRACE = ["strace", "-f", "-qq", "-e", "trace=none"]


def test_launcher_in_a_debugger(place):
    ran(place.call(*STRACE, place.maptrace, "run", "--check", "--", place.program, "0.1"), 24,
        "its Go maps cannot be traced: it cannot be stopped by ptrace")


def test_program_in_a_debugger_that_the_launcher_starts(place):
    """It is a descendant: it is not touched, and what was not seen is no clean run."""
    done = place.call(place.maptrace, "run", "--check", "--", *STRACE, place.program, "1")
    ran(done, 24, "traces it")


def test_debugger_while_it_is_traced(place, reporter):
    """Nothing stays attached, so that a debugger can come whenever it wants."""
    process = place.start(place.maptrace, "run", "--")
    child = int(place.call("pgrep", "-P", process.pid).stdout)
    debugger = subprocess.Popen(["strace", "-qq", "-e", "trace=none", "-p", str(child)])
    try:
        wait_until(lambda: f"TracerPid:\t{debugger.pid}" in open(f"/proc/{child}/status").read(),
                   what="strace to attach")
    finally:
        debugger.terminate()
        debugger.wait()
    found = wait_until(lambda: (lambda report: len(report.findings) == 2 and report)(
        reporter.json(place.folder / "trace.bin", stall="100ms")), what="the two stuck maps")
    assert found.traces[0]["end"] == "running" and process.poll() is None
