"""Where the things under test are: a build folder, or an installed prefix."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


class Build:
    """Paths of the library and the commands; MAPTRACE_BUILD names another place than build/."""

    def __init__(self, folder=None):
        self.folder = Path(folder or os.environ.get("MAPTRACE_BUILD") or PROJECT / "build").resolve()
        installed = (self.folder / "bin").is_dir() and (self.folder / "lib").is_dir()
        commands = self.folder / "bin" if installed else self.folder
        self.installed = installed
        self.maptrace = commands / "maptrace"
        self.report = commands / "maptrace-report"
        self.library = (self.folder / "lib" if installed else self.folder) / "libmaptrace.so"
        self.index = (self.folder / "lib/maptrace" if installed else self.folder) / "maptrace-index"
        self.unit_tests = self.folder / "tests"
