"""Running maptrace-report, and its JSON with names for what tests ask for."""

import json
import subprocess


class Report(dict):
    """The JSON report; a dict, with the parts that tests read most as attributes."""

    @property
    def findings(self):
        return self["findings"]

    @property
    def tables(self):
        return self["tables"]

    @property
    def totals(self):
        return self["totals"]

    @property
    def traces(self):
        return self["traces"]

    @property
    def verdict(self):
        return self["verdict"]

    def rule(self, name):
        """The status of the rule NAME; fails when the report does not know it."""
        for rule in self["rules"]:
            if rule["rule"] == name:
                return rule
        raise AssertionError(f"no rule {name} among {[rule['rule'] for rule in self['rules']]}")

    def of(self, rule=None, kind=None):
        """The findings of one rule or kind, or both."""
        return [finding for finding in self.findings
                if rule in (None, finding["rule"]) and kind in (None, finding["kind"])]


class Reporter:
    """Calls maptrace-report on trace files."""

    def __init__(self, build):
        self.build = build

    def run(self, *arguments, timeout=120):
        """maptrace-report with these arguments: a CompletedProcess with text."""
        return subprocess.run([self.build.report, *map(str, arguments)], capture_output=True,
                              encoding="utf-8", errors="replace", timeout=timeout)

    def json(self, *traces, grace=None, stall=None, min_bytes=None, options=()):
        """The Report on TRACES."""
        done = self.run("--format=json", *judging(grace, stall, min_bytes), *options, *traces)
        assert done.returncode == 0, f"maptrace-report answered {done.returncode}: {done.stderr}"
        return Report(json.loads(done.stdout))

    def text(self, *traces, grace=None, stall=None, min_bytes=None, options=()):
        """The text report on TRACES."""
        done = self.run(*judging(grace, stall, min_bytes), *options, *traces)
        assert done.returncode == 0, f"maptrace-report answered {done.returncode}: {done.stderr}"
        return done.stdout

    def check(self, *traces, grace=None, stall=None, min_bytes=None, options=()):
        """The exit status of --check on TRACES: 0 clean, 23 findings, 24 inconclusive."""
        return self.run("--check", *judging(grace, stall, min_bytes), *options, *traces).returncode


def judging(grace, stall, min_bytes):
    """The options that say what counts, of those that are given."""
    options = {"--grace": grace, "--stall": stall, "--min-bytes": min_bytes}
    return [f"{name}={value}" for name, value in options.items() if value is not None]
