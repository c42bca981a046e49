"""What every test can ask for. README.md in this folder shows how."""

import fnmatch
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from support import environment

environment.apply()

from support.build import Build  # noqa: E402 (after the environment is clean)
from support.compiling import Compiler  # noqa: E402
from support.report import Reporter  # noqa: E402
from support.tracing import Tracer  # noqa: E402


@pytest.fixture(scope="session")
def maptrace():
    """Paths: .maptrace .report .library .index .folder .installed"""
    return Build()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory, request):
    """compiled('testdata/x.c', cc='gcc', flags=[...], libs=[...], name=..., strip=False) -> path"""
    base = tmp_path_factory.getbasetemp()
    # Workers of pytest-xdist have a folder each, below one of the whole session.
    return Compiler((base.parent if hasattr(request.config, "workerinput") else base) / "compiled")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    item.went_wrong = getattr(item, "went_wrong", False) or outcome.get_result().failed


@pytest.fixture
def trace(maptrace, tmp_path, request):
    """trace(command, rules=..., env=..., ring=..., status=0, timeout=...) -> Run; trace.start() -> a background Run"""
    tracer = Tracer(maptrace, tmp_path)
    yield tracer
    tracer.close()
    # Traces are big; only those of a test that failed are wanted any more.
    if not request.node.went_wrong:
        tracer.remove()


@pytest.fixture(scope="session")
def reporter(maptrace):
    """reporter.json(files...), .text(files...), .check(files...), .run(arguments...)"""
    return Reporter(maptrace)


@pytest.fixture
def socket_folder():
    """A folder whose name is short enough for Unix sockets, and that others may enter."""
    folder = Path(tempfile.mkdtemp(prefix="mt-"))
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def known_failures():
    """Pairs of a pattern of test names and a reason, from the file known-failures."""
    lines = (Path(__file__).parent / "known-failures").read_text().splitlines()
    for line in lines:
        pattern, _, reason = line.partition("  #")
        if pattern.strip() and not pattern.startswith("#"):
            yield pattern.strip(), reason.strip()


def pytest_collection_modifyitems(items):
    """What is known to be wrong is run and counted apart: as skipped, never as passed."""
    known = list(known_failures())
    for item in items:
        for pattern, reason in known:
            # Parameters stand in brackets, which are no character class here.
            name = f"{item.path.name}::{item.nodeid.partition('::')[2]}"
            if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False))


def pytest_terminal_summary(terminalreporter):
    """Leaves the counts where scripts/pytest adds them up."""
    path = os.environ.get("PYTEST_COUNTS")
    if path and not hasattr(terminalreporter.config, "workerinput"):
        stats = terminalreporter.stats
        count = [sum(len(stats.get(kind, [])) for kind in kinds)
                 for kinds in (("passed", "xpassed"), ("failed", "error"), ("skipped", "xfailed"))]
        with open(path, "a") as file:
            print(*count, file=file)
