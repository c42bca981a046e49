"""Packages of the npm registry."""

import subprocess
from pathlib import Path

from support.build import PROJECT


def package(name, version):
    """The folder into which the package was unpacked; it may not be changed."""
    fetched = subprocess.run([PROJECT / "scripts/npm-package", name, version], capture_output=True,
                             encoding="utf-8", timeout=120)
    assert fetched.returncode == 0, fetched.stderr
    return Path(fetched.stdout.strip())


def esbuild(version):
    """The program: static, stripped, and built by the Go of its time."""
    old = tuple(map(int, version.split("."))) < (0, 16)
    return package("esbuild-linux-64" if old else "@esbuild/linux-x64", version) / "bin/esbuild"
