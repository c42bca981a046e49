"""LTTng's user-space tracer: its wrapper of libc records nothing without a session."""

import contextlib
import shutil
import subprocess
import time

SESSION = "maptrace-bench"


def lttng(*words):
    done = subprocess.run(["lttng", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError((done.stderr or done.stdout).strip().splitlines()[-1] if done.stderr or done.stdout
                      else f"lttng {words[0]}: status {done.returncode}")


@contextlib.contextmanager
def session():
    """All of the wrapper's events, into ring buffers in memory (a snapshot session)."""
    # It ends at once where another one runs, which then serves.
    daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        for patience in range(50, -1, -1):
            try:
                lttng("list")
                break
            except OSError:
                if not patience:
                    raise
                time.sleep(0.1)
        lttng("create", SESSION, "--snapshot")
        try:
            lttng("enable-event", "--userspace", "lttng_ust_libc:*")
            lttng("start")
            yield
        finally:
            lttng("destroy", SESSION)
    finally:
        daemon.terminate()
        daemon.wait()


def missing():
    """Why it cannot be run here; empty: it can."""
    if not shutil.which("lttng-sessiond"):
        return "lttng-tools is not installed"
    try:
        with session():
            return ""
    except OSError as error:
        return f"no session: {error}"
