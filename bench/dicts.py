"""dicts.py dicts: dicts that grow; dicts.py compile FOLDER: compileall over packages of the standard library"""

import compileall
import os
import sys


def dicts():
    for _ in range(20):
        numbers = {}
        for i in range(100000):
            numbers[i] = str(i)
        groups = {}
        for i in range(50000):
            groups.setdefault(i % 5000, {})[i] = i


def compile_packages(folder):
    sys.pycache_prefix = folder
    library = os.path.dirname(os.__file__)
    return all(compileall.compile_dir(os.path.join(library, package), quiet=1, force=True, workers=1)
               for package in ("asyncio", "email", "json", "logging"))


if sys.argv[1] == "dicts":
    dicts()
elif not compile_packages(sys.argv[2]):
    sys.exit(1)
