"""The environment every test and every program under test starts from."""

import os
import shutil
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# All else that a developer's shell may hold is dropped: it could bend a program under test.
KEPT = ("HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "CARGO_HOME", "RUSTUP_HOME",
        "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS", "MAPTRACE_BUILD")


def clean(environment):
    """A copy of ENVIRONMENT with the system's programs and nothing that bends them."""
    result = {name: value for name, value in environment.items()
              if name in KEPT or name.lower().startswith(("pytest_", "npm_config_"))}
    result["PATH"] = SYSTEM_PATH
    if not shutil.which("rustc", path=SYSTEM_PATH):
        result["PATH"] += ":" + str(Path.home() / ".cargo/bin")
    result["LC_ALL"] = "C.UTF-8"
    return result


def apply():
    """Makes this process's own environment a clean one."""
    environment = clean(os.environ)
    os.environ.clear()
    os.environ.update(environment)
