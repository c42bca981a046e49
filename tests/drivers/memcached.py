"""memcached built from Debian's source, and the few commands a test needs."""

import socket
import subprocess

from support.build import PROJECT
from support.network import listening


def program():
    """The path of memcached with symbols; the first call builds it."""
    done = subprocess.run([PROJECT / "scripts/build-memcached"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Memcached:
    """One server on a Unix socket of its own."""

    def __init__(self, trace, folder, options=(), traced=True, **settings):
        path = folder / "memcached.sock"
        self.run = trace.start([program(), "-u", "root", "-s", path, "-t", "4", *options],
                               traced=traced, ready=lambda: listening(path), **settings)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def store(self, keys):
        """Sets one small item for each of KEYS."""
        self.socket.sendall(b"".join(b"set %s 0 0 1 noreply\r\nx\r\n" % key.encode() for key in keys))
        self.stats()  # answered when all that was sent before is done

    def stats(self):
        self.socket.sendall(b"stats\r\n")
        found = {}
        while (line := self.stream.readline().decode().split())[0] != "END":
            found[line[1]] = line[2]
        return found
