"""A stock redis-server under test, and what its own memory says of its dicts."""

import itertools
import os
import re
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from support.network import listening

SERVER = "/usr/bin/redis-server"
ALIGNMENT = 64  # jemalloc's, of a block of sizeof(struct dict)
INITIAL_EXPONENT = 2  # DICT_HT_INITIAL_EXP: a dict's first array has four buckets


class Redis:
    """One server on a Unix socket of its own, traced unless told otherwise."""

    def __init__(self, trace, folder, traced=True, environment=None, **settings):
        self.path = folder / "redis.sock"
        options = {"port": 0, "unixsocket": self.path, "save": "", "dir": folder,
                   "enable-debug-command": "yes", **settings}
        words = [word for name, value in options.items()
                 for word in (f"--{name.replace('_', '-')}", value)]
        self.run = trace.start([SERVER, *words], traced=traced, env=environment,
                               ready=lambda: listening(self.path))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.stream = self.socket.makefile("rb")
        self.longest_pause = 0  # s without an answer while pipe() waited for more

    def __call__(self, *words):
        """Sends one command and returns its answer; fails on an error."""
        self.socket.sendall(encode(*words))
        return self.answer()

    def pipe(self, commands, batch=8192):
        """Sends the encoded COMMANDS, many at a time, and drops the answers."""
        commands = iter(commands)
        last = time.monotonic()
        while chunk := list(itertools.islice(commands, batch)):
            self.socket.sendall(b"".join(chunk))
            for _ in chunk:
                self.answer()
                now = time.monotonic()
                self.longest_pause = max(self.longest_pause, now - last)
                last = now

    def answer(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:-2]
        assert kind != b"-", rest.decode()
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.stream.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        raise AssertionError(f"not an answer of redis: {line}")

    def info(self, section, field):
        return dict(line.split(":", 1) for line in self("INFO", section).splitlines()
                    if ":" in line)[field]

    def key_tables(self, key):
        """Bucket counts of the dict behind KEY by DEBUG HTSTATS-KEY: one, or old and new."""
        return [int(size) for size in re.findall(r"table size: (\d+)", self("DEBUG", "HTSTATS-KEY", key))]

    def key_dict(self, key):
        """The Dict behind the set KEY, found through DEBUG OBJECT."""
        value = int(re.search(r"Value at:(0x[0-9a-f]+)", self("DEBUG", "OBJECT", key))[1], 16)
        with open(f"/proc/{self.run.pid}/mem", "rb", 0) as memory:
            memory.seek(value + 8)  # robj.ptr
            address = int.from_bytes(memory.read(8), "little")
        [found] = [one for one in self.dicts() if one.address == address]
        return found

    def dicts(self):
        """Every dict in the server's memory that has an array."""
        return dicts_of(self.run.pid)

    def end_child(self):
        """As redis itself ends a child that saves and is not needed any more."""
        children = Path(f"/proc/{self.run.pid}/task/{self.run.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGUSR1)

    def shutdown(self):
        self.socket.sendall(encode("SHUTDOWN", "NOSAVE"))
        return self.run.wait()


def encode(*words):
    """A command as redis wants it."""
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@dataclass
class Dict:
    """A struct dict of redis 7.0 in the memory of a server."""

    address: int
    type: str
    arrays: list     # addresses of ht_table[0] and [1], 0: none
    used: list
    moved: int       # rehashidx, -1: no rehashing under way
    exponents: list  # buckets are 1 << exponent, -1: none

    @property
    def rehashing(self):
        return self.moved >= 0

    @property
    def bytes(self):
        """Of both arrays."""
        return [8 << exponent if exponent >= 0 else 0 for exponent in self.exponents]

    @property
    def doublings(self):
        """How often it grew, had it begun with four buckets and doubled each time."""
        return max(*self.exponents, INITIAL_EXPONENT) - INITIAL_EXPONENT


def dicts_of(pid):
    """
    Finds every struct dict that has an array by a search of the whole memory for pointers to
    redis' exported dictType variables, with a dict's fields behind them. The
    server must be idle meanwhile.
    """
    symbols = {}
    for line in subprocess.run(["nm", "-D", "--defined-only", SERVER], capture_output=True,
                               text=True, check=True).stdout.splitlines():
        value, kind, name = line.split()
        if kind == "D" and name.endswith("DictType"):
            symbols[int(value, 16)] = name
    with open(f"/proc/{pid}/maps") as maps:
        lines = [line.split(maxsplit=5) for line in maps]
    ranges = [[int(word, 16) for word in fields[0].split("-")] for fields in lines]
    base = min(low for (low, _), fields in zip(ranges, lines)
               if len(fields) > 5 and fields[5].startswith("/usr/bin/redis"))
    types = {base + offset: name for offset, name in symbols.items()}
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        def read(low, high):
            memory.seek(low)
            return low, memory.read(high - low)
        # Not the mapped files of the tracer.
        pieces = [read(low, high) for (low, high), fields in zip(ranges, lines)
                  if fields[1] == "rw-p" and fields[4] == "0"]
        pieces += [read(low, high) for (low, high), fields in zip(ranges, lines)
                   if fields[1] == "rw-p" and fields[4] != "0" and fields[5].startswith("/usr/bin/redis")]
    found = [one for low, piece in pieces for one in dicts_in(piece, low, types)]
    return sorted((one for one in found if is_pointed_at(one.address, pieces)),
                  key=lambda one: one.address)


def is_pointed_at(address, pieces):
    """A dict has an owner; what was left of one on a stack has none."""
    pointer = address.to_bytes(6, "little")
    for _, piece in pieces:
        position = piece.find(pointer)
        while position >= 0 and position % 8:
            position = piece.find(pointer, position + 1)
        if position >= 0:
            return True
    return False


def dicts_in(memory, low, types):
    """The dicts in one piece of memory that begins at LOW."""
    # The types stand close together, so their addresses share all but two bytes;
    # a search for zeros is slow, so the two on top are left out, too.
    for common in {(address >> 16).to_bytes(4, "little") for address in types}:
        position = -1
        while (position := memory.find(common, position + 1)) >= 0:
            start = position - 2
            fields = memory[start:start + 56]
            if start < 0 or (low + start) % ALIGNMENT or len(fields) < 56:
                continue
            type_address, *numbers, moved, _pause, exponent0, exponent1 = \
                struct.unpack("<5Qqhbb4x", fields)
            if type_address in types and all(-1 <= one < 48 for one in (exponent0, exponent1)) \
                    and numbers[0] and (moved < 0 or numbers[1]):
                yield Dict(low + start, types[type_address], numbers[:2], numbers[2:], moved,
                           [exponent0, exponent1])
