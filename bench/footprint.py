"""What memory the library takes in a process: beside its ring, for each thread, after many resizes."""

import re
import subprocess
from pathlib import Path

from modes import clean_environment
from workloads import BENCH, scaled

KIB_BESIDE, KIB_A_THREAD, THREADS = 2048, 16, 64


def resident(process, trace):
    """KiB: memory of the process's own, and pages of the library's file; the trace is not among them."""
    anonymous = library = 0
    name = ""
    for line in Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
        mapping = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)", line)
        if mapping:
            name = mapping[1]
        elif line.startswith("Anonymous:") and str(trace) not in name:
            anonymous += int(line.split()[1])
        elif line.startswith("Rss:") and "libmaptrace" in name:
            library += int(line.split()[1])
    return anonymous + library


def measure(build, folder, threads, resizes):
    """How many KiB more it is with the library."""
    trace, result = folder / "threads.trace", []
    for variables in ({}, {"LD_PRELOAD": str(build / "libmaptrace.so"), "MAPTRACE_OUTPUT": str(trace),
                           "MAPTRACE_RULES": str(BENCH / "bench.rules")}):
        process = subprocess.Popen([folder / "threads", str(threads), str(resizes)], text=True,
                                   stdout=subprocess.PIPE, env=clean_environment() | variables)
        process.stdout.readline()
        result.append(resident(process, trace))
        process.kill()
        process.communicate()
    return result[1] - result[0]


def run(build, folder, scale):
    subprocess.run(["gcc", "-O2", "-g", "-fno-builtin", "-pthread", "-o", folder / "threads",
                    BENCH / "threads.c"], check=True)
    many = scaled(10e6, scale)
    alone, later = measure(build, folder, 1, 10), measure(build, folder, 1, many)
    thread = (measure(build, folder, THREADS, 1000) - alone) / (THREADS - 1)
    print(f"\nmemory of the library: {alone} KiB beside its ring (at most {KIB_BESIDE}), "
          f"{thread:.1f} KiB a thread (at most {KIB_A_THREAD}), {later} KiB after {many} resizes", flush=True)
    return {"kib": alone, "kib_a_thread": thread, "resizes": many, "kib_after_resizes": later}
