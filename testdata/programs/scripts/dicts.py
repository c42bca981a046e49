"""
Grows dicts and sets of CPython and prints what is true of each that is alive
at the end, as far as it comes from malloc: pymalloc serves up to 512 bytes.

    table KIND ADDRESS BYTES RESIZES
"""
import os
import sys

PYMALLOC = 512
GC_HEADER = 16


class Watch:
    """Counts how often the array of a table was replaced by another, both from malloc."""

    def __init__(self, table):
        self.table = table
        self.inside = type(table).__basicsize__ + GC_HEADER
        self.bytes = 0
        self.resizes = 0

    def look(self):
        bytes = sys.getsizeof(self.table) - self.inside
        if bytes != self.bytes:
            self.resizes += self.bytes > PYMALLOC and bytes > PYMALLOC
            self.bytes = bytes

    def print(self):
        print("table", type(self.table).__name__, hex(id(self.table)), self.bytes, self.resizes)


watches = []
# Sizes of which the array is more than half full: else the dict that is emptied and filled again
# takes a new array of the same size, which Python does not tell.
for size in 80_000, 2_500, 600:
    table = {}
    watch = Watch(table)
    for key in range(size):
        table[key] = key
        watch.look()
    watches.append(watch)
    table = {}
    watch = Watch(table)
    for key in range(size):
        table[f"key {key}"] = key
        watch.look()
    for key in range(size - 10):
        del table[f"key {key}"]
        watch.look()
    for key in range(size):
        table[f"another {key}"] = key
        watch.look()
    watches.append(watch)
    table = set()
    watch = Watch(table)
    for key in range(size):
        table.add(key)
        watch.look()
    watches.append(watch)

for watch in watches:
    watch.print()
sys.stdout.flush()
os._exit(0)
