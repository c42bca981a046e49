"""The ways a workload is run: untraced, beneath maptrace, and beneath its peers."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lttng
import uprobes

BENCH = Path(__file__).resolve().parent


@dataclass
class Mode:
    name: str
    prefix: list = field(default_factory=list)   # in front of the command
    variables: dict = field(default_factory=dict)  # of the environment
    base: str = "untraced"  # the mode that it is held against
    slow: bool = False      # so dear that one run has to do,
    light: bool = False     # and that of a tenth of the work
    missing: str = ""       # why it cannot be run here
    go: bool = False        # for Go programs; all others but "untraced" are not
    arguments: list = field(default_factory=list)  # behind the command
    around: Callable = contextlib.nullcontext      # of the program: a context to run it in


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith("MAPTRACE_") and name not in ("LD_PRELOAD", "MALLOC_CONF")}


def library(name):
    """The full path of a system library, or None."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    return next((line.split(" => ")[1] for line in listed.splitlines()
                 if line.split() and line.split()[0] == name), None)


def preloaded(name, path, **others):
    if not path:
        return Mode(name, missing="its library is not installed")
    variables = {"LD_PRELOAD": str(path)} | others.pop("variables", {})
    works = subprocess.run(["true"], env=clean_environment() | variables, capture_output=True, text=True)
    if works.returncode or works.stderr:
        return Mode(name, missing=f"cannot be preloaded: {works.stderr.strip()}")
    return Mode(name, variables=variables, **others)


def command(name, words, **others):
    if not shutil.which(words[0]):
        return Mode(name, missing=f"{words[0]} is not installed")
    return Mode(name, prefix=words, **others)


def traced_by_lttng(wrapper):
    mode = preloaded("lttng-ust", wrapper, slow=True, around=lambda program: lttng.session())
    mode.missing = mode.missing or lttng.missing()
    return mode


def go_modes(build, folder):
    """Go's execution trace and uprobes see the same functions, but neither tells which map is stuck."""
    run = [str(build / "maptrace"), "run", "-o", str(folder / "trace.bin")]
    return [
        Mode("maptrace", prefix=[*run, "--"], go=True),
        # Freed memory is overwritten, so that it can be told; that alone, and all but that:
        Mode("clobberfree alone", variables={"GODEBUG": "clobberfree=1"}, go=True),
        Mode("no clobberfree", prefix=[*run, "--no-clobberfree", "--"], go=True),
        Mode("uprobes", around=lambda program: uprobes.watching(folder / "function_offsets", program),
             missing=uprobes.missing(), slow=True, go=True),
        Mode("execution trace", arguments=[f"--trace={folder / 'go.trace'}"], go=True),
    ]


def all_modes(build, folder):
    jemalloc = library("libjemalloc.so.2")
    profile = {"MALLOC_CONF": f"prof:true,prof_prefix:{folder / 'jeprof'}"}
    return [
        Mode("untraced"),
        preloaded("forwarding shim", folder / "forward.so"),
        preloaded("maptrace", build / "libmaptrace.so",
                  variables={"MAPTRACE_OUTPUT": str(folder / "trace.bin"),
                             "MAPTRACE_RULES": str(BENCH / "bench.rules")}),
        preloaded("jemalloc", jemalloc),
        preloaded("jemalloc profiling", jemalloc, variables=profile, base="jemalloc"),
        traced_by_lttng(library("liblttng-ust-libc-wrapper.so.1")
                        or library("liblttng-ust-libc-wrapper.so.0")),
        command("heaptrack", ["heaptrack", "-o", str(folder / "heaptrack")], slow=True),
        command("dhat", ["valgrind", "--tool=dhat", f"--dhat-out-file={folder / 'dhat'}.%p",
                         "--trace-children=yes", "-q"], slow=True, light=True),
        *go_modes(build, folder),
    ]
