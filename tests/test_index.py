"""
maptrace-index, held against what addr2line says of every instruction. It is
LLVM's: that of binutils 2.40 misses some inlined copies, above all clang's.
"""

import lzma
import os
import random
import re
import shutil
import stat
import subprocess
from collections import namedtuple

import pytest

pytestmark = pytest.mark.sanitize

C_RULES = """
[c-table]
grow = table_grow
grow = table_enlarge
retire = table_retire
"""
SHOP_RULES = """
[shop]
grow = shop::Table<*>::grow_shop(*
"""
RUST_RULES = """
[rust-map]
grow = *RawTable<*>*::reserve_rehash*
"""
C_SOURCES = ("testdata/index/main.c", "testdata/index/table.c")
SHOP = "testdata/index/shop.cc"

Range = namedtuple("Range", "low high rule role kind name")


class Indexed:
    """The block that maptrace-index wrote for one file."""

    def __init__(self, lines):
        self.error = self.build_id = None
        self.notes, self.ranges, self.calls, self.entries, self.unmarked = [], [], {}, {}, {}
        assert lines.pop(0).startswith("file ")
        while (line := lines.pop(0)) != "end":
            word, rest = line.split(" ", 1)
            if word == "range":
                low, high, rule, role, kind, name = rest.split(" ", 5)
                self.ranges.append(Range(int(low, 16), int(high, 16), rule, role, kind, name))
            elif word == "note":
                self.notes.append(rest)
            elif word == "calls":
                low, high, _, *addresses = (int(number, 16) for number in rest.split())
                self.calls[low, high] = addresses
            elif word == "entry":
                low, high, _, at, size, *_ = (int(number, 16) for number in rest.split())
                self.entries[low, high] = at, size
            elif word == "unmarked":
                low, high, why = rest.split(" ", 2)
                self.unmarked[int(low, 16), int(high, 16)] = why
            else:
                assert word in ("error", "build-id")
                setattr(self, word.replace("-", "_"), rest)

    def role(self, role):
        return [r for r in self.ranges if r.role == role]

    def places(self, kinds=None):
        """The ranges without the kind, for comparison."""
        return {(r.low, r.high, r.rule, r.role) for r in self.ranges if not kinds or r.kind in kinds}


class Indexer:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, *words, status=0):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True,
                              encoding="utf-8", errors="surrogateescape", timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def __call__(self, *files, rules, options=()):
        path = self.folder / "my.rules"
        path.write_text(rules)
        done = self.run("--rules", path, *options, *files)
        assert done.stderr == ""
        return self.parse(done.stdout, len(files))

    @staticmethod
    def parse(text, count=1):
        lines = text.split("\n")
        assert lines.pop(0) == "maptrace-index 2" and lines.pop() == ""
        blocks = [Indexed(lines) for _ in range(count)]
        assert not lines
        return blocks[0] if count == 1 else blocks


@pytest.fixture
def index(maptrace, tmp_path):
    """index(files..., rules=..., options=()) -> Indexed, or a list of them; index.run(words..., status=0)"""
    return Indexer(maptrace.index, tmp_path)


def tool(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True,
                          **options).stdout


def instructions(program):
    """The addresses of all instructions that belong to a function: not those between functions."""
    spans = [(int(words[1], 16), int(words[1], 16) + int(words[2], 16))
             for line in tool("nm", "-S", "--defined-only", "--format=posix", program).decode().splitlines()
             if len(words := line.rsplit(" ", 3)[1:]) == 3 and words[0] in "tTwW" and words[2]]
    text = tool("objdump", "-d", "--no-show-raw-insn", "-j", ".text", program).decode()
    addresses = (int(address, 16) for address in re.findall(r"^ +([0-9a-f]+):\t", text, re.M))
    return [address for address in addresses if any(low <= address < high for low, high in spans)]


def call_chains(program, addresses):
    """For each address the functions that addr2line sees there, inlined ones included."""
    text = tool("llvm-addr2line-14", "-a", "-i", "-f", "-e", program,
                input="".join(f"{address:#x}\n" for address in addresses).encode()).decode()
    blocks = re.split(r"^0x0*([0-9a-f]+)\n", text, flags=re.M)[1:]
    return {int(address, 16): block.split("\n")[::2] for address, block in zip(blocks[::2], blocks[1::2])}


def assert_true_to_addr2line(indexed, program, rule, words):
    """Exactly the instructions whose call chain has one of WORDS in it are in RULE's ranges."""
    ranges = [r for r in indexed.role("grow") if r.rule == rule]
    addresses = instructions(program)
    chains = call_chains(program, addresses)
    wrong, seen = [], 0
    for address in addresses:
        inside = any(r.low <= address < r.high for r in ranges)
        expected = any(word in function for function in chains[address] for word in words)
        seen += expected
        if inside != expected:
            wrong.append((hex(address), inside, chains[address]))
    assert not wrong
    assert seen > 5


C_BUILDS = {
    "gcc-O2": ("gcc", ["-O2", "-g"]),
    "gcc-O3": ("gcc", ["-O3", "-g"]),
    "gcc-dwarf4": ("gcc", ["-O2", "-gdwarf-4", "-gstrict-dwarf"]),
    "gcc-dwarf3": ("gcc", ["-O2", "-gdwarf-3", "-gstrict-dwarf"]),
    "gcc-dwarf2": ("gcc", ["-O2", "-gdwarf-2", "-gstrict-dwarf"]),
    "gcc-dwarf64": ("gcc", ["-O2", "-g", "-gdwarf64"]),
    "gcc-gz": ("gcc", ["-O2", "-g", "-gz"]),
    "gcc-zdebug": ("gcc", ["-O2", "-g", "-gz=zlib-gnu"]),
    "gcc-lto": ("gcc", ["-O2", "-g", "-flto"]),
    "gcc-no-pie": ("gcc", ["-O2", "-g", "-no-pie"]),
    "gcc-sections": ("gcc", ["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections"]),
    "clang-O2": ("clang", ["-O2", "-g"]),
    "clang-dwarf4": ("clang", ["-O2", "-gdwarf-4"]),
    "clang-dwarf2": ("clang", ["-O2", "-gdwarf-2"]),
    "clang-gz": ("clang", ["-O2", "-g", "-gz"]),
    "clang-lto": ("clang", ["-O2", "-g", "-flto", "-fuse-ld=lld"]),
    "clang-sections": ("clang", ["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections"]),
}


@pytest.mark.parametrize("build", C_BUILDS)
def test_c(index, compiled, build):
    compiler, flags = C_BUILDS[build]
    program = compiled(C_SOURCES, cc=compiler, flags=flags, name=build)
    indexed = index(program, rules=C_RULES)
    assert not indexed.notes
    assert_true_to_addr2line(indexed, program, "c-table", ("table_grow", "table_enlarge"))
    kinds = {r.kind for r in indexed.ranges if r.name == "table_grow"}
    assert kinds == {"inline"}
    if build.endswith("lto"):
        assert any(r.kind == "inline" and r.name == "table_enlarge" for r in indexed.ranges)
    assert indexed.role("retire")
    header = tool("readelf", "-n", program).decode()
    assert indexed.build_id is None or f"Build ID: {indexed.build_id}" in header


SHOP_BUILDS = {
    "gcc-O2": ("gcc", ["-O2", "-g"]),
    "gcc-O1": ("gcc", ["-O1", "-g"]),
    "gcc-O0": ("gcc", ["-O0", "-g"]),
    "gcc-dwarf4": ("gcc", ["-O2", "-gdwarf-4"]),
    "gcc-types": ("gcc", ["-O2", "-gdwarf-4", "-fdebug-types-section"]),
    "gcc-types5": ("gcc", ["-O2", "-g", "-fdebug-types-section"]),
    "gcc-lto": ("gcc", ["-O2", "-g", "-flto"]),
    "clang-O2": ("clang", ["-O2", "-g"]),
    "clang-O1": ("clang", ["-O1", "-g"]),
    "clang-dwarf4": ("clang", ["-O2", "-gdwarf-4"]),
    "clang-lto": ("clang", ["-O2", "-g", "-flto", "-fuse-ld=lld"]),
}


@pytest.mark.parametrize("build", SHOP_BUILDS)
def test_cxx(index, compiled, build):
    compiler, flags = SHOP_BUILDS[build]
    program = compiled(SHOP, cc=compiler, flags=flags, name=build)
    indexed = index(program, rules=SHOP_RULES)
    assert_true_to_addr2line(indexed, program, "shop", ("grow_shop",))
    names = {re.sub(r"\(\w*( \w+)?\)$", "", r.name) for r in indexed.ranges}
    assert names == {"shop::Table<long>::grow_shop",
                     "shop::Table<(anonymous namespace)::Hidden>::grow_shop"}


def test_rust(index, compiled):
    program = compiled("testdata/index/map.rs",
                       flags=("-O", "-g"), name="map")
    indexed = index(program, rules=RUST_RULES)
    assert_true_to_addr2line(indexed, program, "rust-map", ("reserve_rehash",))


# --- debug information that is somewhere else ------------------------------------------


@pytest.fixture
def split(compiled, tmp_path):
    """A program, and copies of it: stripped, and its debug file."""
    whole = compiled(C_SOURCES, flags=["-O2", "-g"], name="split")
    stripped, debug = tmp_path / "bin" / "split", tmp_path / "split.debug"
    stripped.parent.mkdir()
    tool("objcopy", "--only-keep-debug", whole, debug)
    tool("strip", "-o", stripped, whole)
    return whole, stripped, debug


def build_id_path(folder, build_id):
    path = folder / ".build-id" / build_id[:2] / (build_id[2:] + ".debug")
    path.parent.mkdir(parents=True)
    return path


def test_nothing_in_a_stripped_file(index, split):
    whole, stripped, _ = split
    indexed = index(stripped, rules=C_RULES)
    assert not indexed.ranges and not indexed.error
    assert indexed.build_id == index(whole, rules=C_RULES).build_id


def test_debug_file_by_build_id(index, split, tmp_path):
    whole, stripped, debug = split
    expected = index(whole, rules=C_RULES)
    debug.rename(build_id_path(tmp_path / "debug", expected.build_id))
    indexed = index(stripped, rules=C_RULES, options=["--debug-dir", tmp_path / "debug"])
    assert indexed.places() == expected.places()
    assert {r.kind for r in indexed.ranges} == {"debug", "inline"}


def test_debug_file_of_another_build(index, compiled, split, tmp_path):
    whole, stripped, debug = split
    other = compiled(C_SOURCES, flags=["-O1", "-g"], name="other")
    build_id = index(whole, rules=C_RULES).build_id
    shutil.copy(other, build_id_path(tmp_path / "debug", build_id))
    assert not index(stripped, rules=C_RULES, options=["--debug-dir", tmp_path / "debug"]).ranges


@pytest.mark.parametrize("place", ["beside", ".debug", "debug-dir"])
@pytest.mark.parametrize("identity", ["build-id", "checksum", "wrong-checksum"])
def test_debug_file_by_link(index, split, tmp_path, place, identity):
    whole, stripped, debug = split
    expected = index(whole, rules=C_RULES)
    if identity != "build-id":
        for path in (stripped, debug):
            tool("objcopy", "--remove-section=.note.gnu.build-id", path)
    tool("objcopy", f"--add-gnu-debuglink={debug}", stripped)
    if identity == "wrong-checksum":
        with open(debug, "ab") as file:
            file.write(b"x")
    folder = {"beside": stripped.parent, ".debug": stripped.parent / ".debug",
              "debug-dir": tmp_path / "debug" / str(stripped.parent)[1:]}[place]
    folder.mkdir(parents=True, exist_ok=True)
    debug.rename(folder / debug.name)
    indexed = index(stripped, rules=C_RULES, options=["--debug-dir", tmp_path / "debug"])
    assert indexed.places() == (set() if identity == "wrong-checksum" else expected.places())


def test_mini_debug_info(index, split, tmp_path):
    """As Fedora makes it: the functions of .symtab that are not in .dynsym, in xz."""
    whole, stripped, debug = split
    expected = index(whole, rules=C_RULES)
    functions = [line.split()[0] for line in tool("nm", "--format=posix", whole).decode().splitlines()
                 if line.split()[1] in "tT"]
    (tmp_path / "keep").write_text("\n".join(functions))
    mini = tmp_path / "mini"
    tool("objcopy", "-S", f"--keep-symbols={tmp_path / 'keep'}", debug, mini)
    (tmp_path / "mini.xz").write_bytes(lzma.compress(mini.read_bytes()))
    tool("objcopy", f"--add-section=.gnu_debugdata={tmp_path / 'mini.xz'}", stripped)
    indexed = index(stripped, rules=C_RULES)
    assert {r.kind for r in indexed.ranges} == {"mini"}
    assert indexed.places() == expected.places({"symbol"})
    # Broken, it is a note.
    (tmp_path / "mini.xz").write_bytes(b"\xfd7zXZ" + bytes(100))
    tool("objcopy", f"--update-section=.gnu_debugdata={tmp_path / 'mini.xz'}", stripped)
    indexed = index(stripped, rules=C_RULES)
    assert indexed.notes == [".gnu_debugdata cannot be unpacked"] and not indexed.ranges


@pytest.mark.parametrize("shared", [False, True])
def test_dwz(index, compiled, tmp_path, shared):
    """dwz moves what units have in common into partial units, or into a file for several programs."""
    programs = [compiled(C_SOURCES, flags=["-O2", "-g", *more], name=f"dwz{number}")
                for number, more in enumerate(([], ["-DOTHER"]))]
    copies = [tmp_path / program.name for program in programs]
    for program, copy in zip(programs, copies):
        shutil.copy(program, copy)
    if shared:
        tool("dwz", "-m", tmp_path / "common.debug", *copies)
        assert b".gnu_debugaltlink" in tool("readelf", "-SW", copies[0])
    else:
        tool("dwz", copies[0])
    for program, copy in list(zip(programs, copies))[:1 + shared]:
        indexed, expected = index(copy, program, rules=C_RULES)
        assert not indexed.notes
        assert indexed.places() == expected.places()
    if shared:
        (tmp_path / "common.debug").unlink()
        indexed = index(copies[0], rules=C_RULES)
        assert any("supplementary debug file" in note for note in indexed.notes)


def test_split_dwarf_is_said(index, compiled):
    program = compiled(C_SOURCES, flags=["-O2", "-g", "-gsplit-dwarf"], name="dwo")
    assert any(".dwo" in note for note in index(program, rules=C_RULES).notes)


# --- what is no program ------------------------------------------------------------------


def test_errors_are_in_the_output(index, tmp_path, split):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    (tmp_path / "cut").write_bytes(split[0].read_bytes()[:3000])
    os.mkfifo(tmp_path / "pipe")
    files = [tmp_path / name for name in ("text", "empty", "pipe", "missing")] + [tmp_path, split[0]]
    *broken, good = index(*files, rules=C_RULES)
    assert all(block.error and not block.ranges for block in broken)
    assert broken[3].error == "No such file or directory"
    assert good.ranges
    assert not index(tmp_path / "cut", rules=C_RULES).ranges


def test_a_path_cannot_forge_lines(index, tmp_path):
    block = index(tmp_path / "a\nrange 0 1 x grow inline y\nend", rules=C_RULES)
    assert block.error and not block.ranges


def test_usage(index, split):
    assert index.run("--help").stdout.startswith("Usage:")
    assert index.run("--version").stdout.startswith("maptrace-index ")
    for words in ([], ["--what"], ["--rules"], ["--cache", "x"]):
        done = index.run(*words, status=2)
        assert done.stderr and not done.stdout
    done = index.run("--rules", "/no/such/file", split[0])
    assert "/no/such/file: No such file" in done.stderr and "\nend\n" in done.stdout


def test_broken_rules_are_said(index, tmp_path, split):
    (tmp_path / "my.rules").write_text("[bad]\ngrow = *\n" + C_RULES)
    done = index.run("--rules", tmp_path / "my.rules", split[0])
    assert f"{tmp_path}/my.rules:2: " in done.stderr
    assert Indexer.parse(done.stdout).ranges


@pytest.mark.parametrize("section", [".debug_info", ".debug_abbrev", ".debug_str", ".debug_rnglists",
                                     ".symtab", ".dynsym", ".note.gnu.build-id", "header"])
def test_damaged_files_do_no_harm(index, split, tmp_path, section):
    whole, damaged = split[0], tmp_path / "damaged"
    content = whole.read_bytes()
    if section == "header":
        start, size = 0, 64
    else:
        line = re.search(rf" {re.escape(section)} +\w+ +\w+ (\w+) (\w+)", tool("readelf", "-SW", whole).decode())
        start, size = (int(word, 16) for word in line.groups())
    chance = random.Random(section)
    for _ in range(40):
        copy = bytearray(content)
        for _ in range(chance.choice((1, 3, 20))):
            copy[start + chance.randrange(size)] = chance.choice((0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
        damaged.write_bytes(copy)
        index(damaged, rules=C_RULES)


# --- calls -----------------------------------------------------------------------------------


def disassembly(path):
    """[(address, text)] of all code of a file, in order, by binutils."""
    listed = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", path], check=True,
                            capture_output=True, text=True).stdout
    return [(int(match[1], 16), match[2])
            for match in re.finditer(r"^ *([0-9a-f]+):\t(.*)$", listed, re.M)]


def check_calls(indexed, path):
    """What is said of calls and entries, held against a disassembler of another make."""
    listed = disassembly(path)
    decisive = {(r.low, r.high) for r in indexed.ranges if r.role in ("grow", "beneath", "callee")}
    assert decisive == {*indexed.calls, *indexed.entries, *indexed.unmarked}
    for (low, high), said in indexed.calls.items():
        true = [(at, text) for at, text in listed
                if low <= at < high and re.search(r"\bcall\b", text)]
        # What is said is the opcode, behind prefixes.
        assert len(said) == len(true)
        for opcode, (at, text) in zip(said, true):
            assert 0 <= opcode - at <= 3
            assert re.search(r"call +(\*0x[0-9a-f]+\(%rip\)|[0-9a-f]+ )", text), text
    starts = {at for at, _ in listed}
    for (low, high), (at, size) in indexed.entries.items():
        assert low < at and {at, at + size} <= starts and at + size <= high
        inside = {target for _, text in listed
                  if (match := re.match(r"j\w+ +([0-9a-f]+)\b", text))
                  and at < (target := int(match[1], 16)) < at + size}
        assert not inside, "jumps between moved instructions"
    return len(indexed.calls), len(indexed.entries)


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
def test_calls(index, compiled, cc, level):
    program = compiled("testdata/truth/marked.c", cc=cc, flags=[level, "-g", "-pthread"],
                       name=f"calls-{cc}{level}")
    indexed = index(program, rules="[marked]\ngrow = marked_grow*\n")
    assert check_calls(indexed, program) == (1, 1)


@pytest.mark.parametrize("path", [
    "/usr/bin/bash", "/usr/bin/redis-server", "/lib/x86_64-linux-gnu/libglib-2.0.so.0",
    "/lib/x86_64-linux-gnu/libtcl8.6.so"])
def test_calls_of_stock_programs(index, path):
    assert sum(check_calls(index(path, rules=C_RULES), path)) > 0


# --- the cache -----------------------------------------------------------------------------


def test_cache(index, split, tmp_path):
    cache = tmp_path / "cache"
    whole, stripped, _ = split
    indexed = index(whole, stripped, rules=C_RULES, options=["--cache", cache])[0]
    # A stripped file is not kept: its debug file may turn up.
    [kept] = cache.iterdir()
    match = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]{16})\.index", kept.name)
    assert match and match.group(1) == indexed.build_id
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    again = Indexer.parse(kept.read_text())
    assert again.ranges == indexed.ranges and again.build_id == indexed.build_id
    # The same again, then with other rules.
    index(whole, rules=C_RULES, options=["--cache", cache])
    assert len(list(cache.iterdir())) == 1
    index(whole, rules=C_RULES + "# more\n", options=["--cache", cache])
    assert len(list(cache.iterdir())) == 2


def test_cache_follows_no_link(index, split, tmp_path):
    cache, victim = tmp_path / "cache", tmp_path / "victim"
    index(split[0], rules=C_RULES, options=["--cache", cache])
    [kept] = cache.iterdir()
    kept.unlink()
    victim.write_text("mine")
    kept.symlink_to(victim)
    index(split[0], rules=C_RULES, options=["--cache", cache])
    assert victim.read_text() == "mine" and not kept.is_symlink()


def test_cache_that_others_can_write_to(index, split, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    done = index.run("--cache", cache, split[0])
    assert "cannot keep the index" in done.stderr and not list(cache.iterdir())
    (tmp_path / "link").symlink_to(tmp_path)
    done = index.run("--cache", tmp_path / "link", split[0])
    assert "cannot keep the index" in done.stderr
