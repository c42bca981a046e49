"""The kernel's own way to see functions: uprobes, by tracefs. Only root can."""

import contextlib
import os
import subprocess
from pathlib import Path

TRACEFS = Path("/sys/kernel/tracing")
GROUP = "maptrace_bench"
RING = TRACEFS / "instances" / GROUP
FUNCTIONS = ("runtime.hashGrow", "runtime.advanceEvacuationMark")


def command(line):
    """Appends: what is opened to be cut loses everybody's probes. It cannot be sought in, either."""
    events = os.open(TRACEFS / "uprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(events, line.encode() + b"\n")
    finally:
        os.close(events)


def missing():
    """Why there are none here; empty: there are."""
    if os.geteuid():
        return "only root can set uprobes"
    if not (TRACEFS / "uprobe_events").exists():
        subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], capture_output=True)
    if not (TRACEFS / "uprobe_events").exists():
        return "this kernel has no uprobe_events in its tracefs, or it cannot be mounted"
    try:
        command("")
        return ""
    except OSError as error:
        return f"uprobe_events cannot be written: {error.strerror}"


def offsets(helper, program):
    """Where FUNCTIONS begin in the file PROGRAM; none, if it has not got them."""
    done = subprocess.run([helper, program, *FUNCTIONS], capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()] if done.returncode == 0 else []


def forget():
    """Takes all of ours away, also what a bench left that was killed."""
    if RING.exists():
        (RING / "events" / GROUP / "enable").write_text("0")
        RING.rmdir()
    for line in (TRACEFS / "uprobe_events").read_text().splitlines():
        if line.startswith(f"p:{GROUP}/"):
            command("-:" + line.split()[0][2:])


@contextlib.contextmanager
def watching(helper, program):
    """The kernel records each call of FUNCTIONS in PROGRAM, in a ring of its own, without a stack."""
    forget()
    try:
        for number, offset in enumerate(offsets(helper, program)):
            command(f"p:{GROUP}/f{number} {program}:{offset:#x}")
        RING.mkdir()
        (RING / "events" / GROUP / "enable").write_text("1")
        yield
        profile = [line.split() for line in (TRACEFS / "uprobe_profile").read_text().splitlines()]
        if not sum(int(hits) for file, _, hits in profile if file == str(program)):
            raise SystemExit(f"bench: uprobes saw nothing of {program}")
    finally:
        forget()
