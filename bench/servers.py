"""Servers as workloads: started, fed over a Unix socket with keys that are all new, and ended."""

import os
import signal
import socket
import subprocess
import time

PIPELINE = 64


class Unusable(Exception):
    """A server that does not start, or goes away; a command that fails."""


def redis_set(number):
    key, value = b"key:%d" % number, b"value %d" % number
    return b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)


def memcached_set(number):
    value = b"value %d" % number
    return b"set key:%d 0 0 %d\r\n%s\r\n" % (number, len(value), value)


# Words of the command for a socket, one request, and the last bytes of each answer.
SERVERS = {
    "redis": (lambda path: ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                            "--dir", os.path.dirname(path)], redis_set, b"+OK\r\n"),
    "memcached": (lambda path: ["memcached", "-s", path, "-m", "1024", "-c", "64", "-t", "1", "-u",
                                "root"],
                  memcached_set, b"STORED\r\n"),
}


def connect(path, process):
    deadline = time.monotonic() + 120
    while True:
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            return client
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unusable("the server does not answer")
            time.sleep(0.02)


def feed(client, request, answer, requests):
    batches = [b"".join(map(request, range(at, min(at + PIPELINE, requests))))
               for at in range(0, requests, PIPELINE)]
    start, left = time.monotonic(), requests
    for batch in batches:
        client.sendall(batch)
        expected = min(PIPELINE, left) * len(answer)
        while expected > 0:
            got = len(client.recv(65536))
            if not got:
                raise Unusable("the server went away")
            expected -= got
        left -= PIPELINE
    return time.monotonic() - start


def named(pid, path):
    """The innermost of PID and its descendants that has PATH in its command: wrappers may stand between."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for child in children:
        found = named(int(child), path)
        if found:
            return found
    with open(f"/proc/{pid}/cmdline") as file:
        return pid if path in file.read() else None


def run(name, requests, prefix, environment, folder):
    """The process, which has been told to end, and the seconds that the requests took."""
    command, request, answer = SERVERS[name]
    path = str(folder / f"{name}.sock")
    if os.path.exists(path):
        os.unlink(path)
    process = subprocess.Popen([*prefix, *command(path)], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = connect(path, process)
    seconds = feed(client, request, answer, requests)
    client.close()
    os.kill(named(process.pid, path), signal.SIGTERM)
    return process, seconds
