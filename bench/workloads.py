"""What is run: programs of this folder and stock ones, by name."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
THREE = Path("/usr/share/javascript/three/three.module.js")
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
    go: bool = False      # a Go program: modes for these are run
    each: bool = False    # it does nothing but resizes: say what one costs


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
    source = write(folder / f"large-{scale:g}.cc", large_source(scale, 60))
    yield Workload("unordered_map 5 million", [folder / "inserts", str(scaled(5e6, scale))],
                   rule="libstdc++-unordered")
    yield Workload("resize storm", [folder / "small_maps", str(scaled(2e6, scale))],
                   rule="libstdc++-unordered", each=True)
    for where in ("heap", "stack"):
        yield Workload(f"resizes, no hook, {where}",
                       [folder / "small_tables", where, str(scaled(5e5, scale))],
                       rule="bench-table", each=True, slow=False)
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


def go_programs(folder, scale):
    """Debian's esbuild, and a loop that only grows small maps, built by the last Go before Swiss maps."""
    sources = folder / "js"
    sources.mkdir()
    copies = scaled(6, scale)
    for number in range(copies):
        shutil.copy(THREE, sources / f"three{number}.js")
    main = write(sources / "main.js", "".join(f"export * as three{number} from './three{number}.js';\n"
                                              for number in range(copies)))
    yield Workload("go esbuild", [shutil.which("esbuild") or "esbuild", main, "--bundle",
                                  "--format=esm", "--log-level=error", "--outfile=/dev/null",
                                  "--allow-overwrite"], rule="go-map", go=True)
    yield Workload("go small maps", [folder / "grow_maps", str(scaled(1e5, scale)), "200"],
                   rule="go-map", go=True, each=True)


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
                  ["gcc", "-O2", "-fno-builtin", "-o", "small_tables", "small_tables.c"],
                  ["gcc", "-O2", "-o", "usage", "usage.c"],
                  ["g++", "-O2", "-o", "inserts", "inserts.cc"],
                  ["g++", "-O2", "-o", "small_maps", "small_maps.cc"]):
        at = words.index("-o")
        subprocess.run([*words[:at + 1], folder / words[at + 1], BENCH / words[-1]], check=True)


def make_go(folder):
    toolchain = BENCH.parent / "scripts/go-toolchain"
    root = subprocess.run([toolchain, "1.23"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()
    environment = dict(os.environ, GOROOT=root, GO111MODULE="off", GOTOOLCHAIN="local",
                       CGO_ENABLED="0")
    for name in ("grow_maps", "function_offsets"):
        subprocess.run([f"{root}/bin/go", "build", "-o", folder / name, BENCH / f"{name}.go"],
                       check=True, env=environment)


def light_workloads(folder, scale):
    """By name, with a tenth of the work, for peers that are slow; what does no work is not among them."""
    return {workload.name: workload for workload in [*loops(folder, scale / 10),
                                                     *programs(folder, scale / 10)]}


def all_workloads(folder, scale):
    return [*loops(folder, scale), *programs(folder, scale), *go_programs(folder, scale),
            *starts(folder, scale)]
