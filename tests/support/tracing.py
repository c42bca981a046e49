"""Running programs under the library, in the foreground and in the background."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from support.report import Reporter


class Run:
    """One traced run: how it ended and what it left behind."""

    def __init__(self, reporter, folder, output):
        self.reporter = reporter
        self.folder = folder    # working directory, unless another was given
        self.output = output    # what MAPTRACE_OUTPUT was
        self.process = None
        self.status = None      # exit status, or -N for signal N; None: still running
        self.stdout = self.stderr = ""

    @property
    def pid(self):
        return self.process.pid

    @property
    def traces(self):
        """All trace files of this run, the first process's first."""
        found = []
        for path in self.output.parent.glob(self.output.name + "*"):
            # .PID of a descendant, and .PID.N of the program it then executed in its place.
            match = re.fullmatch(r"(?:\.(\d+)(?:\.(\d+))?)?", path.name[len(self.output.name):])
            if match:
                found.append(([int(number or 0) for number in match.groups()], path))
        return [path for _, path in sorted(found)]

    def report(self, **options):
        """The Report on all traces; options as in Reporter.json."""
        assert self.traces, f"no trace was written; stderr: {self.stderr}"
        return self.reporter.json(*self.traces, **options)

    def text(self, **options):
        """The text report on all traces."""
        assert self.traces, f"no trace was written; stderr: {self.stderr}"
        return self.reporter.text(*self.traces, **options)

    def check(self, **options):
        """The exit status of maptrace-report --check on all traces."""
        assert self.traces, f"no trace was written; stderr: {self.stderr}"
        return self.reporter.check(*self.traces, **options)

    # The rest is for runs in the background.

    def _log(self, name):
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def _ended(self):
        self.status = self.process.returncode
        self.stdout, self.stderr = self._log("stdout"), self._log("stderr")
        return self

    def wait(self, timeout=60):
        """Waits for the end of the program."""
        self.process.wait(timeout)
        return self._ended()

    def stop(self, number=signal.SIGTERM, timeout=60):
        """Sends a signal, by default SIGTERM, and waits for the end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(timeout)

    def alive(self):
        return self.process.poll() is None


class Tracer:
    """Runs commands under the library; calling it runs one to its end."""

    def __init__(self, build, folder):
        self.build = build
        self.folder = Path(folder)
        self.reporter = Reporter(build)
        self.runs = 0
        self.started = []

    def prepare(self, rules=None, env=None, ring=None, output="trace.bin", traced=True):
        """A fresh folder and the environment of one run: (Run, environment)."""
        folder = self.folder / f"run{self.runs}"
        self.runs += 1
        folder.mkdir()
        environment = dict(os.environ)
        for name in [name for name in environment if name.startswith(("PYTEST_", "MAPTRACE_"))]:
            del environment[name]
        if traced:
            environment["LD_PRELOAD"] = str(self.build.library)
            environment["MAPTRACE_OUTPUT"] = str(folder / output)
        if rules is not None:
            path = folder / "test.rules"
            path.write_text(rules)
            environment["MAPTRACE_RULES"] = str(path)
        if ring is not None:
            environment["MAPTRACE_RING"] = str(ring)
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = str(value)
        return Run(self.reporter, folder, folder / output), environment

    def __call__(self, command, status=0, timeout=120, cwd=None, input=None, **options):
        """
        Runs COMMAND to its end and returns a Run. Fails unless it answered
        STATUS (None: anything; -N: died of signal N). Options as in prepare().
        """
        run = self.start(command, cwd=cwd, input=input, **options)
        try:
            run.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill(run)
            raise AssertionError(f"{command} did not end within {timeout} s; "
                                 f"stderr: {run._log('stderr')}") from None
        assert status is None or run.status == status, \
            f"{command} answered {run.status}; stdout: {run.stdout}\nstderr: {run.stderr}"
        return run

    def start(self, command, cwd=None, input=None, ready=None, ready_timeout=30, **options):
        """
        Starts COMMAND in the background, in a session of its own, and returns
        its Run; waits until READY(), if given, answers something true. What
        still runs at the end of the test is killed.
        """
        run, environment = self.prepare(**options)
        if isinstance(command, (str, Path)):
            command = [command]
        stdin = subprocess.DEVNULL
        if input is not None:
            (run.folder / "stdin").write_text(input)
            stdin = open(run.folder / "stdin")
        with open(run.folder / "stdout", "wb") as out, open(run.folder / "stderr", "wb") as err:
            run.process = subprocess.Popen([str(word) for word in command], cwd=cwd or run.folder,
                                           env=environment, stdin=stdin, stdout=out, stderr=err,
                                           start_new_session=True)
        if input is not None:
            stdin.close()
        self.started.append(run)
        deadline = time.monotonic() + ready_timeout
        while ready is not None and not ready():
            if not run.alive() or time.monotonic() > deadline:
                raise AssertionError(f"{command} did not get ready; status {run.process.poll()}; "
                                     f"{run._log('stdout')}\n{run._log('stderr')}")
            time.sleep(0.02)
        return run

    def kill(self, run):
        try:
            os.killpg(run.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        run.process.wait()

    def close(self):
        """Kills what still runs, children included."""
        for run in self.started:
            self.kill(run)

    def remove(self):
        """Removes what all runs left in their folders."""
        for run in self.started:
            shutil.rmtree(run.folder, ignore_errors=True)
