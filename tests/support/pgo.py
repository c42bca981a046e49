"""Profiles for `go build -pgo`, in which calls are as hot as they can be."""

import gzip
import re
from pathlib import Path


def number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(tag, value):
    """A field of a protocol buffer: a number, or bytes."""
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    return number(tag << 3 | 2) + number(len(value)) + value


def calls(folder, package, files):
    """Calls among the functions of FILES: (caller, line of the call, callee); a function is (name, line, file)."""
    functions, found = {}, []
    texts = {path: path.read_text().splitlines() for path in sorted(folder.glob(files))
             if not path.name.endswith(("_test.go", "_swiss.go"))}
    for path, lines in texts.items():
        for at, line in enumerate(lines, 1):
            if match := re.match(r"func (\w+)\(", line):
                functions[match[1]] = (f"{package}.{match[1]}", at, path)
    for path, lines in texts.items():
        caller = None
        for at, line in enumerate(lines, 1):
            if match := re.match(r"func (?:\(.*?\) )?(\w+)\(", line):
                caller = functions.get(match[1])
            elif caller and not line.lstrip().startswith("//"):
                for callee in re.findall(r"\b(\w+)\(", line):
                    if callee in functions:
                        found.append((caller, at, functions[callee]))
    return found


def write(path, root, cold=()):
    """A profile of the Go at ROOT: calls among its functions of maps are hot, but those of COLD."""
    edges = [edge for edge in calls(Path(root) / "src/runtime", "runtime", "map*.go")
             if edge[2][0] not in cold]
    strings, functions, parts = ["", "samples", "count"], {}, []

    def text(value):
        if value not in strings:
            strings.append(value)
        return strings.index(value)

    def function(name, begin, file):
        if name not in functions:
            functions[name] = len(functions) + 1
            parts.append(field(5, field(1, functions[name]) + field(2, text(name)) +
                               field(3, text(name)) + field(4, text(str(file))) + field(5, begin)))
        return functions[name]

    locations = 0
    for (caller, begin, file), line, (callee, callee_begin, callee_file) in edges:
        for name, start, where, at in ((callee, callee_begin, callee_file, callee_begin + 1),
                                       (caller, begin, file, line)):
            locations += 1
            parts.append(field(4, field(1, locations) + field(3, 0x400000 + locations) +
                               field(4, field(1, function(name, start, where)) + field(2, at))))
        parts.append(field(2, field(1, number(locations - 1) + number(locations)) +
                           field(2, number(1000000))))
    kind = field(1, 1) + field(2, 2)
    parts += [field(1, kind), *(field(6, word.encode()) for word in strings), field(11, kind),
              field(12, 1)]
    path.write_bytes(gzip.compress(b"".join(parts)))
