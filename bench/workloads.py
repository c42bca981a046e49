"""What is run: programs of this folder and stock ones, by name."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"


@dataclass
class Workload:
    name: str
    command: list = None  # or a server:
    server: str = None
    requests: int = 0
    rule: str = None      # the rule that must see resizes, or nothing would be measured
    input: Path = None
    build: tuple = ()     # commands that make what it runs, once
    slow: bool = True     # peers that are slow are run, too


def scaled(number, scale):
    return max(1, int(number * scale))


def loops(folder, scale):
    for way in ("direct", "wrapped"):
        for shape in ("flat", "deep", "random"):
            for threads in (1, 2):
                yield Workload(
                    f"malloc {way} {shape} {threads}t",
                    [folder / "malloc_loop", way, shape, str(threads), str(scaled(20e6, scale))],
                    rule="bench-table", slow=(way, shape, threads) == ("direct", "flat", 1))


def large_source(scale, functions):
    """A C++ file with many instantiations of maps."""
    lines = ["#include <map>", "#include <string>", "#include <unordered_map>", "#include <vector>"]
    for i in range(scaled(functions, scale)):
        lines.append(f"struct S{i} {{ int a[{i % 7 + 1}]; std::string s; }};\n"
                     f"int f{i}(int n) {{ std::unordered_map<int, S{i}> m; std::map<std::string, S{i}> o;"
                     f" std::vector<S{i}> v; for (int i = 0; i < n; i++) {{ m[i].a[0] = i;"
                     f" o[std::to_string(i)] = m[i]; v.push_back(m[i]); }} return (int)(m.size() + o.size() + v.size()); }}")
    return "\n".join(lines) + "\n"


def write(path, text):
    path.write_text(text)
    return path


def programs(folder, scale):
    rustc = shutil.which("rustc")
    source = write(folder / "large.cc", large_source(scale, 60))
    yield Workload("unordered_map 5 million", [folder / "inserts", str(scaled(5e6, scale))],
                   rule="libstdc++-unordered")
    yield Workload("resize storm", [folder / "small_maps", str(scaled(2e6, scale))],
                   rule="libstdc++-unordered")
    yield Workload("redis SET", server="redis", requests=scaled(1e6, scale), rule="redis-dict")
    yield Workload("memcached", server="memcached", requests=scaled(1e6, scale))
    yield Workload("python3 dicts", [PYTHON, BENCH / "dicts.py", "dicts"], rule="cpython-dict")
    yield Workload("python3 compileall", [PYTHON, BENCH / "dicts.py", "compile", folder / "cache"],
                   rule="cpython-dict")
    yield Workload("sqlite3", ["sqlite3", ":memory:"], input=BENCH / "lookups.sql")
    if rustc:
        yield Workload("rust HashMap", [folder / "maps", str(scaled(3e6, scale))],
                       build=([rustc, "-O", "-o", folder / "maps", BENCH / "maps.rs"],))
    yield Workload("g++", ["g++", "-O1", "-c", "-o", "/dev/null", source])


def starts(folder, scale):
    huge = write(folder / "huge.cc", large_source(scale, 240) + "int main() { return 0; }\n")
    yield Workload("start true", ["/bin/true"])
    yield Workload("start python3", [PYTHON, "-c", "pass"])
    yield Workload("start clang-14", ["clang-14", "--version"])
    yield Workload("start huge DWARF", [folder / "huge"],
                   build=(["g++", "-g3", "-O1", "-o", folder / "huge", huge],), slow=False)


def make_common(folder):
    for words in (["gcc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-o", "forward.so", "forward.c"],
                  ["gcc", "-O2", "-g", "-fno-builtin", "-fno-optimize-sibling-calls", "-pthread", "-o",
                   "malloc_loop", "malloc_loop.c"],
                  ["gcc", "-O2", "-o", "usage", "usage.c"],
                  ["g++", "-O2", "-o", "inserts", "inserts.cc"],
                  ["g++", "-O2", "-o", "small_maps", "small_maps.cc"]):
        at = words.index("-o")
        subprocess.run([*words[:at + 1], folder / words[at + 1], BENCH / words[-1]], check=True)


def all_workloads(folder, scale):
    return [*loops(folder, scale), *programs(folder, scale), *starts(folder, scale)]
