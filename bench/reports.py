"""What reading traces costs: maptrace-report on large ones, against what it may take."""

import os
import statistics
import subprocess

from workloads import BENCH, scaled

FORMATS = ("text", "json")


def make_traces(build, folder, scale):
    """Name, path, most seconds and most MiB."""
    long, full = folder / "long.trace", folder / "full.trace"
    subprocess.run(["gcc", "-O2", f"-I{BENCH.parent}", "-o", folder / "history", BENCH / "history.c"], check=True)
    subprocess.run([folder / "history", long, str(scaled(10e6, scale))], check=True)
    # Written by the guest: its ring has turned, and its stacks lead to real files.
    subprocess.run([folder / "small_maps", "100000"], check=True, env={
        **os.environ, "LD_PRELOAD": str(build / "libmaptrace.so"), "MAPTRACE_OUTPUT": str(full)})
    return [("ten million records", long, 2 * scale, 64), ("a ring of 16 MiB", full, 0.3, 64)]


def measure(build, folder, trace, format, runs):
    times, most = [], 0
    # The first run is not counted: the trace comes into the cache.
    for number in range(runs + 1):
        subprocess.run([folder / "usage", folder / "used", build / "maptrace-report", f"--format={format}",
                        "-o", folder / "report", trace], check=True)
        wall, processor, memory = map(float, (folder / "used").read_text().split())
        times += [(wall, processor)] if number else []
        most = max(most, memory)
    return {"wall": statistics.median(wall for wall, _ in times),
            "cpu": statistics.median(processor for _, processor in times), "memory_kib": most}


def run(build, folder, scale, runs):
    """One result a trace and format; shows each."""
    print(f"\n{'report':24} {'format':8} {'cpu s':>8} {'clock s':>8} {'at most':>8} {'MiB':>7} {'at most':>8}")
    results = []
    for name, trace, seconds, mebibytes in make_traces(build, folder, scale):
        for format in FORMATS:
            one = {"report": name, "format": format, "bytes": trace.stat().st_size,
                   "target_seconds": seconds, "target_mib": mebibytes,
                   **measure(build, folder, trace, format, runs)}
            print(f"{name:24} {format:8} {one['cpu']:8.3f} {one['wall']:8.3f} {seconds:8.2f} "
                  f"{one['memory_kib'] / 1024:7.1f} {mebibytes:8}", flush=True)
            results.append(one)
        trace.unlink()
    return results
