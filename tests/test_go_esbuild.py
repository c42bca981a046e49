"""Debian's own esbuild, a stripped Go program, at work on real sources."""

import json
import re
import subprocess

import pytest

from support.waiting import wait_until

THREE = "/usr/share/javascript/three/three.module.js"


@pytest.fixture
def sources(tmp_path):
    """Copies of a real library, so that there is something to do."""
    lines = []
    for number in range(4):
        text = open(THREE, encoding="utf-8").read()
        (tmp_path / f"three{number}.js").write_text(text)
        lines.append(f"export * as three{number} from './three{number}.js';\n")
    (tmp_path / "main.js").write_text("".join(lines))
    return tmp_path


def test_same_bundle(maptrace, reporter, sources):
    command = ["esbuild", "main.js", "--bundle", "--format=esm", "--minify"]
    plain = subprocess.run([*command, "--outfile=plain.js"], cwd=sources, capture_output=True)
    assert plain.returncode == 0, plain.stderr
    traced = subprocess.run([maptrace.maptrace, "run", "--", *command, "--outfile=traced.js"],
                            cwd=sources, capture_output=True)
    assert traced.returncode == 0, traced.stderr
    assert (sources / "plain.js").read_bytes() == (sources / "traced.js").read_bytes()

    report = reporter.json(sources / "trace.bin", stall="0", grace="0")
    assert report.rule("go-map")["status"] == "active" and report.totals["resizes"] > 1000
    assert report.traces[0]["complete"]
    growth = {row["type"]: row for row in report["growth"]}
    assert any("js_ast." in kind for kind in growth)
    frames = [frame for row in report["growth"] for frame in row["stack"]]
    assert all(frame["function"] and frame["file"] and frame["line"] for frame in frames)
    assert any(re.fullmatch(r"github\.com/evanw/esbuild/internal/js_parser\.\(\*parser\)\..*",
                            frame["function"]) for frame in frames)


def test_what_rests_is_what_a_scan_sees(maptrace, reporter, trace, sources):
    run = trace.start([maptrace.maptrace, "run", "-o", sources / "trace.bin", "--", "esbuild",
                       "main.js", "--bundle", "--format=esm", "--outfile=out.js",
                       "--watch=forever"], traced=False, cwd=sources)
    wait_until(lambda: "watching" in run._log("stderr"), what="esbuild to have built")
    report = wait_until(lambda: (lambda report: report.findings and report)(
        reporter.json(sources / "trace.bin", stall="2s")), what="maps that rest")
    assert report.traces[0]["end"] == "running"
    scan = subprocess.run([maptrace.maptrace, "scan", "--format=json",
                           str(report.traces[0]["pid"])], capture_output=True, encoding="utf-8")
    assert scan.returncode == 0, scan.stderr
    seen = {resize["array"]: resize for resize in json.loads(scan.stdout)["resizes"]}
    # Garbage may be collected at any time: what was there after the scan was there before. And
    # what no bucket has moved in yet has no marks by which a scan could tell it.
    after = reporter.json(sources / "trace.bin", stall="2s").findings
    arrays = {finding["array"] for finding in report.findings}
    stuck = {finding["array"]: finding for finding in after
             if finding["array"] in arrays and finding["progress"]["moved"] > 0}
    assert stuck and set(stuck) <= set(seen)
    for array, finding in stuck.items():
        assert finding["progress"] == seen[array]["progress"]
        assert finding["new_array"] == seen[array]["new_array"]
        assert seen[array]["bytes"] in (None, finding["bytes"])
        if seen[array]["type_confidence"] == "exact":
            assert finding["type"] == seen[array]["type"]
    run.stop()
