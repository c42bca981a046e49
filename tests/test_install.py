"""make install and uninstall, and what is installed: that it works, and what it depends on."""

import re
import shutil
import subprocess

import pytest

from support.build import PROJECT, Build

PARTS = ["bin/maptrace", "bin/maptrace-report", "lib/libmaptrace.so", "lib/maptrace/maptrace-index",
         "share/maptrace/rules/redis.rules", "share/man/man1/maptrace.1",
         "share/man/man1/maptrace-report.1", "share/man/man5/maptrace-rules.5"]


def make(maptrace, *words):
    return subprocess.run(["make", f"BUILD={maptrace.folder}", *words], cwd=PROJECT, check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def prefix(maptrace, tmp_path_factory):
    if maptrace.installed:
        return maptrace.folder
    folder = tmp_path_factory.mktemp("installed")
    make(maptrace, "install", f"PREFIX={folder}")
    return folder


def test_all_parts_are_installed(prefix):
    for part in PARTS:
        assert (prefix / part).is_file(), part
    rules = {path.name for path in (PROJECT / "rules/catalogue").glob("*.rules")}
    assert {path.name for path in (prefix / "share/maptrace/rules").iterdir()} == rules


def test_staged_install_and_uninstall(maptrace, tmp_path):
    if maptrace.installed:
        pytest.skip("there is no build folder to install from")
    make(maptrace, "install", "PREFIX=/opt/mt", f"DESTDIR={tmp_path}")
    assert all((tmp_path / "opt/mt" / part).is_file() for part in PARTS)
    make(maptrace, "uninstall", "PREFIX=/opt/mt", f"DESTDIR={tmp_path}")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_library_exports_nothing_of_its_own(maptrace):
    """Only what it interposes is visible: names of libc, of C++ operators and of jemalloc."""
    lines = subprocess.check_output(["nm", "-D", "--defined-only", maptrace.library], text=True)
    strange = [name for name in (line.split()[-1] for line in lines.splitlines())
               if name.startswith(("rule", "trace", "maptrace", "cplus_", "d_", "rust_"))]
    assert not strange


def test_library_needs_libc_and_the_compilers_runtime_alone(maptrace):
    lines = subprocess.check_output(["readelf", "-dW", maptrace.library], text=True)
    needed = {line.split("[")[1].rstrip("]") for line in lines.splitlines() if "(NEEDED)" in line}
    # libgcc_s: an exception may pass through an operator new of ours.
    assert needed <= {"libc.so.6", "ld-linux-x86-64.so.2", "libgcc_s.so.1"}
    assert "TEXTREL" not in lines


def test_installed_tree_works_elsewhere(prefix, compiled, tmp_path):
    """Moved to another place, with nothing of the build folder in reach."""
    moved = tmp_path / "moved"
    shutil.copytree(prefix, moved)
    build = Build(moved)
    program = compiled("testdata/demo/sessions.c")
    done = subprocess.run([build.maptrace, "run", "--rules", PROJECT / "testdata/demo/sessions.rules",
                           "--check", "--", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 23, done.stderr
    assert "sessions" in done.stderr and "stuck" in done.stderr


def test_demo_program_is_stuck(maptrace, compiled, trace):
    rules = (PROJECT / "testdata/demo/sessions.rules").read_text()
    run = trace(compiled("testdata/demo/sessions.c"), rules=rules)
    report = run.report()
    [finding] = report.findings
    assert (finding["rule"], finding["kind"]) == ("sessions", "stuck")
    assert (finding["bytes"], finding["new_bytes"]) == (65536 * 8, 131072 * 8)
    assert finding["progress"] == {"moved": 66000 - 65536 - 1, "of": 65536}
    assert run.stdout.startswith("66000 sessions")


@pytest.mark.parametrize("page", sorted(PROJECT.glob("docs/*.[1-9]")), ids=lambda path: path.name)
def test_manual_page_is_well_formed(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout


def test_manual_names_every_option(maptrace):
    for command, page in ([maptrace.maptrace, "run"], "maptrace.1"), ([maptrace.report], "maptrace-report.1"):
        text = (PROJECT / "docs" / page).read_text()
        answer = subprocess.check_output([*command, "--help"], text=True)
        # At the beginning of a line, or after the short form; --usage is argp's own.
        names = set(re.findall(r"^ +(?:-., )?--([a-z-]+)", answer, re.MULTILINE)) - {"usage"}
        assert len(names) > 5
        assert not {name for name in names if f"Fl Fl {name}" not in text}


def test_manual_names_every_key_of_a_rule():
    """The parser's complaint about an unknown key lists them all."""
    source = (PROJECT / "rules/keys.c").read_text().split("static const struct key keys[]")[1]
    keys = [line.split('"')[1] for line in source.split("};")[0].splitlines() if '{"' in line]
    text = (PROJECT / "docs/maptrace-rules.5").read_text()
    entries = [line for line in text.splitlines() if line.startswith(".It Cm")]
    assert len(keys) > 10
    assert not [key for key in keys if not any(key in entry.split() for entry in entries)]
