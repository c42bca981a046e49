"""Dicts that grow, then compileall over packages of the standard library: dicts.py FOLDER (for what it writes)"""

import compileall
import os
import sys

sys.pycache_prefix = sys.argv[1]
for _ in range(20):
    numbers = {}
    for i in range(100000):
        numbers[i] = str(i)
    groups = {}
    for i in range(50000):
        groups.setdefault(i % 5000, {})[i] = i

library = os.path.dirname(os.__file__)
for package in ("asyncio", "email", "json", "logging"):
    if not compileall.compile_dir(os.path.join(library, package), quiet=1, force=True, workers=1):
        sys.exit(1)
