"""Compiling the programs in testdata/, each once a session."""

import fcntl
import hashlib
import subprocess
from pathlib import Path

from support.build import PROJECT

CXX = {"gcc": "g++", "clang": "clang++"}


class Compiler:
    """Calling it compiles a program and returns its path."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, source, cc="gcc", flags=("-O2", "-g"), libs=(), name=None, strip=False):
        """
        Compiles SOURCE (one path below the project, or several) with CC, FLAGS
        before and LIBS after the sources. `gcc` and `clang` become `g++` and
        `clang++` for C++, and .rs files go to rustc (then FLAGS are its own,
        and CC is not used). NAME is the file name of the result.
        """
        sources = [PROJECT / part for part in ([source] if isinstance(source, (str, Path)) else source)]
        first = sources[0]
        name = name or first.stem
        if first.suffix == ".rs":
            flags = ("-O",) if flags == ("-O2", "-g") else flags
            command = ["rustc", "--edition=2021", *flags, *sources, *libs]
        else:
            if any(path.suffix in (".cc", ".cpp", ".cxx") for path in sources):
                cc = CXX.get(cc, cc)
            command = [cc, f"-I{PROJECT}/testdata", *flags, *sources, *libs]
        command = [str(word) for word in command]
        key = hashlib.sha256("\0".join([name, str(strip), *command]).encode()).hexdigest()[:16]
        folder = self.folder / key
        folder.mkdir(exist_ok=True)
        result = folder / name
        # Several pytest workers share the folder.
        with open(folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                self.compile(command, folder / (name + ".part"), strip)
                (folder / (name + ".part")).rename(result)
        return result

    @staticmethod
    def compile(command, result, strip):
        for step in [[*command, "-o", str(result)]] + ([["strip", str(result)]] if strip else []):
            done = subprocess.run(step, capture_output=True, encoding="utf-8", errors="replace",
                                  cwd=result.parent)
            assert done.returncode == 0, f"{' '.join(step)}\n{done.stdout}{done.stderr}"
