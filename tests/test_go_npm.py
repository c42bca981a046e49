"""esbuild as npm has it, built by many versions of Go, at work on a real package."""

import json
import shutil
import signal
import subprocess

import pytest

from support import npm
from support.waiting import wait_until

THREE = "/usr/share/javascript/three/three.module.js"
# No esbuild was built by 1.21 or 1.24: scripts/go-toolchain has these.
CLASSIC = {"0.14.0": "1.17.2", "0.14.30": "1.18", "0.14.54": "1.19", "0.17.19": "1.20.4",
           "0.19.0": "1.20.7", "0.21.5": "1.20.12", "0.23.0": "1.22.4", "0.25.0": "1.23.5",
           "0.25.12": "1.23.12"}
SWISS = {"0.27.7": "1.25.7", "0.28.0": "1.26.1"}
CHECKED = ("0.14.0", "0.25.12", "0.28.0")


def some(versions):
    """Those of make check, and the others for make soak."""
    return [pytest.param(version, id=f"{version}-go{versions[version]}",
                         marks=[] if version in CHECKED else pytest.mark.soak)
            for version in versions]


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    shutil.copytree(npm.package("lodash-es", "4.17.21"), folder / "lodash-es")
    shutil.copy(THREE, folder / "three.js")
    (folder / "main.js").write_text("export * as lodash from './lodash-es/lodash.js';\n"
                                    "export * as three from './three.js';\n")
    return folder


def bundle(sources, program, *prefix, output):
    done = subprocess.run([*prefix, program, "main.js", "--bundle", "--format=esm", "--minify",
                           "--sourcemap=external", f"--outfile={output}.js"], cwd=sources,
                          capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return (sources / f"{output}.js").read_bytes(), \
        json.loads((sources / f"{output}.js.map").read_text())["mappings"]


@pytest.fixture
def watching(sources):
    """Starts esbuild --watch and waits until it rests: a Popen."""
    started = []

    def watching(program):
        output = sources / "watched.js"
        # It ends when its input does.
        with open(sources / "said", "w") as said:
            process = subprocess.Popen([program, "main.js", "--bundle", "--format=esm", "--watch",
                                        f"--outfile={output}"], cwd=sources, stdin=subprocess.PIPE,
                                       stdout=said, stderr=said)
        started.append(process)
        wait_until(lambda: "build finished" in (sources / "said").read_text(),
                   what="esbuild to have built")
        return process

    yield watching
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def attached(maptrace, tmp_path):
    """Attaches to a process: a Popen that is recording into trace.bin."""
    started = []

    def attached(pid):
        process = subprocess.Popen([maptrace.maptrace, "attach", "-o", tmp_path / "trace.bin",
                                    str(pid)], stderr=subprocess.PIPE, encoding="utf-8")
        started.append(process)
        assert "recording" in (line := process.stderr.readline()), line
        return process

    yield attached
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def scan(maptrace, pid):
    done = subprocess.run([maptrace.maptrace, "scan", "--format=json", str(pid)],
                          capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def header_is_there(pid, finding):
    """False for a map on a stack that has been left: no scan can find it, and only clobberfree its end."""
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(int(finding["table"], 16) + 24)
        return int.from_bytes(memory.read(8), "little") == int(finding["array"], 16)


def bundled(sources):
    """What stands in the bundle now: some versions take it away before they write it."""
    path = sources / "watched.js"
    return path.read_text() if path.exists() else ""


def append(path, line):
    with open(path, "a") as file:
        file.write(line)


def rebuild(sources):
    """A change for esbuild to see, and its effect."""
    append(sources / "main.js", "export let before_detaching = 42;\n")
    wait_until(lambda: "before_detaching = 42" in bundled(sources),
               what="esbuild to build again")


@pytest.mark.parametrize("version", some(CLASSIC | SWISS))
def test_same_bundle(maptrace, reporter, sources, tmp_path, version):
    program = npm.esbuild(version)
    plain = bundle(sources, program, output="plain")
    traced = bundle(sources, program, maptrace.maptrace, "run", "-o", tmp_path / "trace.bin", "--",
                    output="traced")
    assert traced == plain
    report = reporter.json(tmp_path / "trace.bin", stall="0", grace="0")
    [rule], [trace] = report["rules"], report.traces
    assert trace["complete"] and trace["lost_events"] == 0 and trace["end"] == "exit"
    if version in CLASSIC:
        assert rule["status"] == "active" and report.totals["resizes"] > 1000
        assert any("js_ast." in row["type"] for row in report["growth"])
    else:
        assert report.totals["resizes"] == 0 and not report.findings
        assert "Swiss" in rule["reason"], rule


@pytest.mark.parametrize("version", some(CLASSIC))
def test_what_rests_after_attaching_is_what_a_scan_sees(maptrace, reporter, sources, watching,
                                                        attached, tmp_path, version):
    run = watching(npm.esbuild(version))
    attachment = attached(run.pid)

    def resting():
        return {finding["array"]: finding
                for finding in reporter.json(tmp_path / "trace.bin", stall="1s").findings}

    rebuild(sources)
    before = wait_until(resting, what="maps that rest")
    seen = {resize["array"]: resize for resize in scan(maptrace, run.pid)["resizes"]}
    # Garbage may be collected at any time: what was there after the scan was there before. And
    # what no bucket has moved in yet has no marks by which a scan could tell it.
    stuck = {array: finding for array, finding in resting().items()
             if array in before and finding["progress"]["moved"] > 0
             and header_is_there(run.pid, finding)}
    # Nothing tells here that a map is dead. A scan holds what is in the new array against its type,
    # too, and so knows some that have been used again, which the agent calls unverified.
    whole = {array: finding for array, finding in stuck.items() if array in seen}
    assert whole and len(stuck) - len(whole) <= max(1, len(stuck) // 8), set(stuck) - set(seen)
    for array, finding in whole.items():
        assert finding["progress"] == seen[array]["progress"]
        assert finding["new_array"] == seen[array]["new_array"]
        assert finding["confidence"] == "inferred"  # nobody can tell whether it is in use
    attachment.send_signal(signal.SIGINT)
    attachment.communicate(timeout=30)
    assert attachment.returncode == 0 and run.poll() is None
    # It builds on as it did, without us.
    append(sources / "main.js", "export let after_detaching = 43;\n")
    wait_until(lambda: "after_detaching = 43" in bundled(sources),
               what="esbuild to build again")
    alone = bundle_as_watched(sources, npm.esbuild(version))
    assert (sources / "watched.js").read_bytes() == alone


def bundle_as_watched(sources, program):
    subprocess.run([program, "main.js", "--bundle", "--format=esm", "--outfile=alone.js"],
                   cwd=sources, check=True, capture_output=True, timeout=120)
    return (sources / "alone.js").read_bytes()


@pytest.mark.parametrize("version", some(SWISS))
def test_swiss_maps_are_recognised(maptrace, reporter, sources, watching, attached, tmp_path,
                                   version):
    run = watching(npm.esbuild(version))
    seen = scan(maptrace, run.pid)
    # Some have no buildinfo, and are recognised all the same.
    assert seen["go"]["version"] in (None, f"go{SWISS[version]}")
    assert seen["go"]["maps"] == "swiss" and seen["go"]["can_be_stuck"] is False
    assert seen["resizes"] == []
    attachment = attached(run.pid)
    rebuild(sources)
    attachment.send_signal(signal.SIGINT)
    attachment.communicate(timeout=30)
    assert attachment.returncode == 0 and run.poll() is None
    report = reporter.json(tmp_path / "trace.bin", stall="0", grace="0")
    assert not report.findings and "tables were replaced" in "".join(report.traces[0]["messages"])
