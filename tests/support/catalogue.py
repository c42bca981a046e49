"""What tests of the catalogue have in common."""

import re
import subprocess

from support.build import PROJECT

CONTAINERS = PROJECT / "testdata/containers"
DEBUG = ("-O2", "-g")
FLAT = ("-O2",)  # inlined copies have no symbol and no debug info


def packages(*names):
    """What pkg-config says of a package, as (flags, libs)."""
    def ask(option):
        return subprocess.run(["pkg-config", option, *names], check=True, capture_output=True,
                              text=True).stdout.split()
    return ask("--cflags"), ask("--libs")


def truth(run):
    """The numbers that a driver printed: {"resizes": 12, ...}"""
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", run.stdout, re.M)}


def seen(report, rule):
    """How many resizes RULE saw; it must be active, and nothing may be amiss."""
    status = report.rule(rule)
    assert status["status"] == "active", status
    return status["resizes"]


def quiet(report):
    assert report.findings == []
    assert report.totals["unfinished"] == 0
    assert report.traces[0]["lost_events"] == 0


def replaced_bytes(report):
    """Sizes of the arrays that are findings, sorted."""
    return sorted(finding["bytes"] for finding in report.findings)
