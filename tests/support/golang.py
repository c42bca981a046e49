"""Go toolchains of several versions, and programs that they build."""

import fcntl
import os
import subprocess

from support.build import PROJECT

# The rule for the C table of testdata/go/both.go.
C_TABLE = """
[my-table]
kind  = incremental
grow  = table_grow
old   = table+0
new   = table+8
moved = table+16
of    = table+24
"""


class Go:
    """Calling it builds a program of testdata/go with one version, each once a session."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, version, source="testdata/go/stuck.go", flags=(), cgo=False, experiment=""):
        """The path of SOURCE, and what all share, built by Go VERSION with FLAGS of `go build`."""
        name = "-".join([os.path.basename(source)[:-3], version, *"".join(flags).replace("=", "-").replace(" ", "").split("/"),
                         "cgo" * cgo, experiment])
        result = self.folder / name
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not result.exists():
                self.build(version, PROJECT / source, flags, cgo, experiment, result)
        return result

    @staticmethod
    def tool(version, *words):
        """What `go tool WORDS...` of VERSION says."""
        root = Go.root(version)
        return subprocess.run([f"{root}/bin/go", "tool", *words], capture_output=True, check=True,
                              encoding="utf-8", env=dict(os.environ, GOROOT=root)).stdout

    @staticmethod
    def root(version):
        fetched = subprocess.run([PROJECT / "scripts/go-toolchain", version], capture_output=True,
                                 encoding="utf-8", timeout=280)
        assert fetched.returncode == 0, fetched.stderr
        return fetched.stdout.strip()

    @staticmethod
    def build(version, source, flags, cgo, experiment, result):
        root = Go.root(version)
        environment = dict(os.environ, GOROOT=root, GO111MODULE="off", GOTOOLCHAIN="local",
                           CGO_ENABLED="1" if cgo else "0", GOEXPERIMENT=experiment)
        command = [f"{root}/bin/go", "build", *flags, "-o", result, source, source.parent / "hmap.go"]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
        assert done.returncode == 0, done.stderr
