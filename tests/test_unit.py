"""Runs the unit tests, which are C programs: tests/unit/test_*.c."""

import subprocess

import pytest

from support.build import PROJECT

SOURCES = sorted((PROJECT / "tests/unit").glob("test_*.c"))


@pytest.mark.sanitize
@pytest.mark.parametrize("name", [
    pytest.param(source.stem, marks=[pytest.mark.threads] * ("pthread_create" in source.read_text()))
    for source in SOURCES])
def test_unit(maptrace, name):
    done = subprocess.run([maptrace.unit_tests / name], capture_output=True, encoding="utf-8",
                          errors="replace", cwd=PROJECT, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
