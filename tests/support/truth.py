"""Holding a report against what a program of testdata/truth says of itself."""

import json

from support.build import PROJECT

# The ways a C or C++ program is built unless a test has reasons of its own.
COMPILERS = [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O2")]
# Calls of the allocator stay calls, so that errno and addresses are what they seem to be.
FLAGS = ["-g", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"]


def rules(name):
    """The text of a rule file in testdata/rules."""
    return (PROJECT / "testdata/rules" / (name + ".rules")).read_text()


def source(name):
    """The path of a program in testdata/truth."""
    return "testdata/truth/" + name


class Truth:
    """What a program printed: .findings, .totals, .tables, and .notes in one dict."""

    def __init__(self, text):
        lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"is"')]

        def of(kind):
            return [line for line in lines if line["is"] == kind]

        self.findings = of("finding")
        self.totals = of("totals")
        self.tables = of("table")
        self.all_notes = of("note")
        self.notes = {name: value for note in self.all_notes for name, value in note.items()}

    @classmethod
    def of_file(cls, path):
        return cls(path.read_text() if path.exists() else "")


def number(address):
    return None if address is None else int(address, 16)


def shortly(finding):
    """What identifies a finding, for messages."""
    names = ("kind", "pid", "table", "holder", "array", "bytes", "new_array", "confidence")
    return " ".join(f"{name}={finding[name]}" for name in names if name in finding)


def assert_finding(said, true, table_unknown=False):
    """One finding of the report, in all that the program knows of it."""
    def fail(what):
        raise AssertionError(f"{what}:\n  report: {shortly(said)}\n  truth:  {shortly(true)}")

    low, high = number(true["table"]), number(true["table"]) + true["table_bytes"]
    for place in ("table", "holder"):
        where = number(said[place])
        if where is not None and not low <= where < high:
            fail(f"{place} is not in the table")
    if not table_unknown and said["table"] is None and said["holder"] is None:
        fail("no table")
    if number(true["new_array"]):
        for part in ("new_array", "new_bytes"):
            if said[part] is not None and said[part] != true[part]:
                fail(f"wrong {part}")
    if true["of"]:
        if (said["progress"]["moved"], said["progress"]["of"]) != (true["moved"], true["of"]):
            fail(f"wrong progress {said['progress']}")


def key(finding):
    return (finding["kind"], finding["pid"], number(finding["array"]), finding["bytes"])


def assert_findings(report, truths, table_unknown=False):
    """Exactly these findings: none missed, none invented."""
    said, true = {}, {}
    for where, findings in ((said, report.findings), (true, truths)):
        for finding in findings:
            assert key(finding) not in where, f"twice: {shortly(finding)}"
            where[key(finding)] = finding
    missed = [shortly(true[key]) for key in true.keys() - said.keys()]
    invented = [shortly(said[key]) for key in said.keys() - true.keys()]
    assert not missed and not invented, "\n  ".join(
        ["findings are wrong", f"missed {len(missed)} of {len(true)}:", *missed[:5],
         f"invented {len(invented)}:", *invented[:5]])
    for name in true:
        assert_finding(said[name], true[name], table_unknown)
    assert report.verdict == ("findings" if true else "clean")


def assert_totals(report, *totals):
    """The totals, added up over the programs; where a pair is given, both bounds included."""
    wrong = []
    for name in ("tables", "resizes", "unfinished"):
        wanted = [total[name] for total in totals if name in total]
        pairs = [part if isinstance(part, list) else [part, part] for part in wanted]
        low, high = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
        if wanted and not low <= report.totals[name] <= high:
            wrong.append(f"{name}: report says {report.totals[name]}, truth is {wanted}")
    assert not wrong, "; ".join(wrong)


def assert_complete(report):
    """Nothing was lost, and no trace was cut."""
    for trace in report.traces:
        assert trace["complete"] and not trace["lost_events"], trace


def assert_stacks(report, function):
    """Each finding's stack leads through FUNCTION, and shows nothing of the tracer."""
    for finding in report.findings:
        frames = finding["stack"]
        assert any(function in (frame["function"] or "") for frame in frames), frames
        assert not any("libmaptrace" in (frame["module"] or "") for frame in frames), frames


def assert_truth(report, truth, function=None, table_unknown=False):
    """All of the above."""
    assert_complete(report)
    assert_findings(report, truth.findings, table_unknown)
    assert_totals(report, *truth.totals)
    if function:
        assert_stacks(report, function)
