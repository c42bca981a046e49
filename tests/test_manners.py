"""A guest behaves: the program under trace does what it does without, in places that are hard to live in."""

import os
import re
import shutil
import signal

import pytest

from support.truth import (COMPILERS, FLAGS, Truth, assert_findings, assert_truth, rules, source)
from support.waiting import wait_until

LIBRARIES = "/usr/lib/x86_64-linux-gnu/"


@pytest.fixture(params=COMPILERS, ids=lambda build: "".join(build))
def build(request):
    return request.param


@pytest.fixture
def usable(compiled):
    """A small program with one finding, for tests of where it runs."""
    return compiled(source("usable.c"), flags=[*FLAGS, "-O2"])


@pytest.fixture
def hosted(trace, compiled):
    """Compiles and runs a program of testdata/truth, whose report must be true: (report, truth)."""
    def run(name, *arguments, build=("gcc", "-O2"), flags=(), libs=(), env=None, judging={}):
        stem, _, suffix = name.partition(".")
        program = compiled(source(f"{stem}.{suffix or 'c'}"), cc=build[0],
                           flags=[*FLAGS, build[1], *flags], libs=libs)
        run = trace([program, *arguments], rules=rules(stem), env=env)
        assert run.stderr == ""
        report, truth = run.report(**judging), Truth(run.stdout)
        assert_truth(report, truth)
        return report, truth
    return run


# Programs of the system.

FILES = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hello"); return 7; }\n',
    "Makefile": "all: one two\none two:\n\techo $@ > $@\nfail:\n\tfalse\n",
    "text": "".join(f"{number * 7919 % 10007} line {number}\n" for number in range(10000)),
}
GIT = ("export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' "
       "GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'; ")
COMMANDS = {
    "ls": "ls -la /usr/lib /etc",
    "ls-fails": "ls /nowhere",
    "grep": "grep -rc the /usr/share/common-licenses",
    "sort": "sort -n text | uniq -c | tail -50",
    "awk": "awk '{ seen[$1 % 977]++ } END { for (key in seen) sum += seen[key] * key; print sum }' text",
    "sed": "sed -e 's/line/row/; $d' text | tail -3",
    "find": "find /usr/share/doc -name 'copyright' | sort | head -200",
    "python": "/usr/bin/python3 -c 'import json, re; d = {str(i): i for i in range(50000)}; "
              "print(len(json.dumps(d)), sum(d.values()))'",
    "python-threads": "/usr/bin/python3 -c 'import threading; r = []; "
                      "t = [threading.Thread(target=lambda: r.append(len({i for i in range(9999)})))"
                      " for _ in range(9)]; [x.start() for x in t]; [x.join() for x in t]; print(r)'",
    "python-fails": "/usr/bin/python3 -c 'raise SystemExit(42)'",
    "perl": "perl -e 'my %h; $h{$_ % 5003} .= $_ for 1..50000; print join(\",\", map { length } "
            "@h{sort keys %h}), \"\\n\"'",
    "bash": "bash -c 'declare -A a; for i in {1..3000}; do a[$i]=x$i; done; echo ${#a[@]} ${a[77]}'",
    "make": "make -j2 && cat one two && make fail",
    "gcc": "gcc -O2 -o hello hello.c && ./hello",
    "g++": "echo '#include <map>\nint main() { std::map<int, int> m; m[3] = 4; return m[3]; }' > "
           "m.cpp && g++ -c -o m.o m.cpp && ls",
    "gcc-fails": "gcc -o nothing nothing.c",
    "git": GIT + "git init -q . && git add . && git -c user.name=n -c user.email=e commit -qm one && "
                 "git log --stat && git gc -q && git fsck",
    "tar": "tar --mtime=@0 --sort=name -czf a.tar.gz text hello.c && tar tvzf a.tar.gz && rm a.tar.gz",
    "xz": "xz -T2 -kc text | xz -dc | sha256sum",
    "gzip": "gzip -nc text | sha256sum",
    "openssl": "openssl dgst -sha256 text && openssl enc -aes-128-cbc -pbkdf2 -k p -S 0011223344556677"
               " -in text | sha256sum",
    "openssl-fails": "openssl x509 -in text 2>&1 | sed 's/^[0-9A-F]*:error/error/'",
    "dd": "dd if=text bs=100 count=5 status=none",
    "kill": "kill -TERM $$",
    "segfault": "bash -c 'kill -SEGV $$'; echo $?",
    "pipe": "bash -c 'set -o pipefail; yes | head -1; echo $?'",
    "xargs": "seq 100 | xargs -P2 -n10 echo | sort",
    "getent": "getent passwd root nobody; getent hosts localhost",
    "readelf": "readelf -sW /usr/bin/ls | head -100",
    "nm": "nm -D /usr/bin/bash | head -50",
    "dpkg": "dpkg -l libc6 | tail -1; dpkg -L coreutils | sort | head -20",
    "stdbuf": "stdbuf -oL seq 5",
    "timeout": "timeout 0.1 sleep 5; echo $?",
    "limits": "bash -c 'ulimit -a'",
    "descriptors": "ls /proc/self/fd; grep Threads /proc/self/status",
    "date": "date -u -d @0; TZ=Asia/Tokyo date -d @0",
    "nice": "nice -n 5 nice",
    "closed": "cat text <&-; ls >&-",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_same_with_and_without(trace, name):
    """Same output, errors, exit status and files."""
    here = trace.folder / "here"

    def outcome(traced):
        here.mkdir()
        for path, text in FILES.items():
            (here / path).write_text(text)
            os.utime(here / path, (0, 0))
        run = trace(["/bin/sh", "-c", COMMANDS[name]], cwd=here, status=None, traced=traced)
        files = {str(path.relative_to(here)): path.read_bytes() for path in here.rglob("*")
                 if path.is_file() and ".git/" not in str(path)}
        shutil.rmtree(here)
        return run.status, run.stdout, run.stderr, files

    assert outcome(traced=True) == outcome(traced=False)


def test_environment_is_passed_on(trace):
    def environment(traced):
        run = trace(["/bin/sh", "-c", "env"], traced=traced, cwd=trace.folder)
        return [line for line in sorted(run.stdout.splitlines())
                if not line.startswith(("MAPTRACE_", "LD_PRELOAD="))]

    assert environment(True) == environment(False)


def test_environment_can_be_emptied(trace, usable):
    """env -i ends the run: what follows is not traced, and not disturbed."""
    run = trace(["/usr/bin/env", "-i", usable])
    assert len(Truth(run.stdout).findings) == 1
    assert run.stderr == "" and len(run.traces) == 1


# errno and blocks.

def test_errno_is_kept(trace, compiled, build):
    program = compiled(source("errno_kept.c"), cc=build[0], flags=[*FLAGS, build[1]])
    traced = trace(program, rules=rules("errno_kept"))
    untraced = trace(program, traced=False)
    assert traced.stdout == untraced.stdout and traced.stdout
    assert traced.report().verdict == "clean"


def test_usable_size(trace, usable):
    traced, untraced = (trace(usable, rules=rules("usable"), traced=traced)
                        for traced in (True, False))
    assert Truth(traced.stdout).notes == Truth(untraced.stdout).notes
    assert_truth(traced.report(), Truth(traced.stdout))


# Stacks, signals, beginnings and ends.

@pytest.mark.parametrize("mode", ["threads", "sixteen", "coroutines", "switching",
                                  "alternate"])
def test_small_stacks(hosted, build, mode):
    hosted("small_stacks", mode, build=build)


def test_small_stack_and_many_modules(trace, compiled):
    """Code addresses that are looked up for the first time in a thread with 16 KiB."""
    program = compiled(source("small_stacks.c"), flags=[*FLAGS, "-O0"],
                       libs=["-Wl,--no-as-needed", "-lstdc++", "-lcrypto"])
    run = trace([program, "sixteen"], rules=rules("small_stacks"))
    assert_truth(run.report(), Truth(run.stdout))


@pytest.mark.parametrize("returns", ["1", "0"])
def test_results_and_stacks_of_grow_functions(trace, compiled, build, returns):
    """Whatever register a result is in, and whoever reads, leaves, copies or forks the stack."""
    program = compiled(source("returned.c"), cc=build[0], flags=[*FLAGS, build[1]])
    environment = {"MAPTRACE_RETURNS": returns}
    traced, untraced = (trace([program], rules=rules("returned"), traced=traced, env=environment)
                        for traced in (True, False))
    assert traced.stdout == untraced.stdout
    report, note = traced.report(), Truth(traced.stdout).notes
    assert report.rule("returned")["resizes"] == note["resizes"]
    assert report.verdict == "clean"


@pytest.fixture
def signal_safe(compiled):
    return compiled(source("signal_safe.c"), flags=["-O2", "-fPIC", "-shared", "-fno-builtin"],
                    name="signal_safe.so")


@pytest.mark.parametrize("mode", ["plain", "grows"])
def test_signals_whose_handler_allocates(trace, compiled, maptrace, signal_safe, build, mode):
    program = compiled(source("signal_storm.c"), cc=build[0], flags=[*FLAGS, build[1]])
    run = trace([program, mode], rules=rules("signal_storm"), timeout=60,
                env={"LD_PRELOAD": f"{maptrace.library}:{signal_safe}"})
    report, truth = run.report(), Truth(run.stdout)
    assert truth.notes["handled"] >= 1000
    assert run.stderr == ""
    # What happens in a handler may be lost, if that is said; it must not be made up.
    said = {(finding["kind"], finding["array"], finding["bytes"]) for finding in report.findings}
    true = {(finding["kind"], finding["array"], finding["bytes"]) for finding in truth.findings}
    lost = sum(trace["lost_events"] for trace in report.traces)
    assert said == true or (said <= true and lost and report.verdict == "inconclusive")


def test_before_main_and_after_exit(hosted, build):
    report, _ = hosted("lifecycle.cpp", build=build, flags=["-std=c++20"])
    assert report.verdict == "clean"


# Descriptors, threads, files.

@pytest.mark.parametrize("mode", ["range", "loop"])
def test_program_that_closes_all_descriptors(trace, compiled, mode):
    program = compiled(source("closer.c"), flags=[*FLAGS, "-O2"])
    traced, untraced = (trace([program, mode], rules=rules("closer"), traced=traced)
                        for traced in (True, False))
    truth = Truth(traced.stdout)
    assert truth.notes == Truth(untraced.stdout).notes
    assert truth.notes["written"] == 0 and truth.notes["threads"] == 1
    assert_truth(traced.report(), truth)


@pytest.mark.parametrize("verbose", [{}, {"MAPTRACE_VERBOSE": "1"}], ids=["", "verbose"])
def test_started_without_descriptors(trace, compiled, verbose):
    """None of the files that the guest opens may become somebody's standard output."""
    program = compiled(source("processes.c"), flags=[*FLAGS, "-O2"])
    truth = trace.folder / "truth"
    run = trace(["/bin/sh", "-c", f"exec {program} leaf <&- >&- 2>&-"], rules=rules("processes"),
                env={"TRUTH_FILE": truth, **verbose})
    found = run.report() if len(run.traces) > 1 else run.reporter.json(*sorted(
        path for path in run.folder.iterdir() if path.name.startswith("trace.bin")))
    assert_findings(found, Truth.of_file(truth).findings)


def test_nothing_else_is_written(trace, maptrace, compiled):
    """The trace is the only file that is created or opened for writing."""
    program = compiled(source("incremental.c"), flags=[*FLAGS, "-O2"])
    log = trace.folder / "log"
    # The index of the program's debug information is kept in the user's cache, once.
    trace([program, "clean", "0"], rules=rules("incremental"))
    run = trace(["strace", "-f", "-qq", "-o", log, "-E", f"LD_PRELOAD={maptrace.library}",
                 "-e", "trace=open,openat,creat,memfd_create,unlink,unlinkat,rename,renameat,"
                       "renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,socket,mknod,mknodat",
                 program, "stuck", "100"], rules=rules("incremental"), traced=False)
    written = [line for line in log.read_text().splitlines()
               if (re.search(r"O_WRONLY|O_RDWR|O_CREAT", line) or "open" not in line)
               and "(" in line and " ENOENT " not in line]
    assert written, "the trace itself must be there"
    assert all('trace.bin"' in line for line in written), written
    assert {path.name for path in run.folder.iterdir()} == {
        "stdout", "stderr", "test.rules", "trace.bin"}


# Programs that lock themselves in.

@pytest.mark.parametrize("what", ["leak", "open", "begin"])
@pytest.mark.parametrize("how", ["prctl", "syscall", "strict"])
def test_sandbox(trace, compiled, how, what):
    program = compiled(source("sandbox.c"), flags=[*FLAGS, "-O2"])
    run = trace([program, how, what], rules=rules("sandbox"))
    truth = Truth(run.stdout)
    assert run.stderr == "" and truth.totals
    if how == "strict":
        # Strict mode takes even the clock away: what was seen before it must be there.
        assert {finding["array"] for finding in run.report().findings} <= {
            finding["array"] for finding in truth.findings}
    else:
        assert_truth(run.report(), truth)


@pytest.mark.parametrize("how", ["userns", "setuid", "none"])
def test_changing_who_one_is_in_an_open_resize(trace, compiled, how):
    program = compiled(source("privileges.c"), flags=[*FLAGS, "-O2"])
    traced, untraced = (trace([program, how], rules=rules("privileges"), traced=traced, timeout=20)
                        for traced in (True, False))
    truth, other = Truth(traced.stdout), Truth(untraced.stdout)
    if other.notes["answer"] != 0:
        pytest.skip(f"the machine does not allow it: errno {other.notes['errno']}")
    for name in ("before", "after", "answer", "user"):
        assert truth.notes[name] == other.notes[name], name
    assert truth.notes["before"] == truth.notes["after"] == 1
    assert_truth(traced.report(), truth)


# Other allocators.

ALLOCATORS = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4",
              "mimalloc": "libmimalloc.so.2"}
PROGRAMS = [("thousand", ["heap", "random", 4, 3]), ("threads", [4, 20, 2, "handed"]),
            ("reallocated", ["place"]), ("usable", [])]


@pytest.mark.parametrize("name, arguments", PROGRAMS, ids=[name for name, _ in PROGRAMS])
@pytest.mark.parametrize("way", ["linked", "after", "before"])
@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_allocators(trace, compiled, maptrace, allocator, way, name, arguments):
    other = ALLOCATORS[allocator]
    libs = ["-Wl,--no-as-needed", f"-l:{other}"] if way == "linked" else []
    program = compiled(source(f"{name}.c"), flags=[*FLAGS, "-O2"], libs=libs)
    preload = {"linked": f"{maptrace.library}", "after": f"{maptrace.library}:{LIBRARIES}{other}",
               "before": f"{LIBRARIES}{other}:{maptrace.library}"}[way]
    run = trace([program, *arguments], rules=rules(name), env={"LD_PRELOAD": preload})
    report, truth = run.report(grace="20s"), Truth(run.stdout)
    assert run.stderr == ""
    if way == "before" and report.rule(name)["status"] == "blind":
        # Its malloc comes first, and never calls ours.
        assert report.rule(name)["reason"] and report.verdict == "inconclusive"
    else:
        assert_truth(report, truth)


def test_calls_of_jemalloc(hosted, build):
    hosted("jemalloc_calls", build=build, libs=["-ljemalloc"])


def test_allocator_inside_the_program_is_blind(trace, compiled):
    """Its calls never leave the program: to say 'clean' would be a lie."""
    program = compiled(source("thousand.c"), flags=[*FLAGS, "-O2"],
                       libs=[f"{LIBRARIES}libjemalloc.a", "-lm", "-ldl", "-lstdc++"])
    run = trace([program, "heap", "turn", 4, 1], rules=rules("thousand"))
    report = run.report()
    rule = report.rule("thousand")
    if rule["status"] == "blind":
        assert rule["reason"] and run.check() == 24
    else:
        assert_truth(report, Truth(run.stdout))


# Switches.

def test_disable(trace, usable):
    run = trace(usable, rules=rules("usable"), env={"MAPTRACE_DISABLE": "1"})
    assert len(Truth(run.stdout).findings) == 1
    assert run.stderr == "" and not run.traces


def test_verbose_says_one_line_at_the_start_and_one_at_the_end(trace, usable):
    run = trace(usable, rules=rules("usable"), env={"MAPTRACE_VERBOSE": "1"})
    first, last = run.stderr.splitlines()
    assert all(line.startswith("maptrace") for line in (first, last))
    assert str(run.output) in run.stderr
    assert_truth(run.report(), Truth(run.stdout))


@pytest.mark.parametrize("ring", ["0", "1", "nonsense", "-5", "99999999G", ""])
def test_bad_ring_size_is_no_reason_to_fail(trace, usable, ring):
    run = trace(usable, rules=rules("usable"), ring=ring)
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
    if run.traces:
        assert_truth(run.report(), Truth(run.stdout))


@pytest.mark.parametrize("text", ["", "[x]\n", "[x]\ngrow =\n", "grow = lost\n", "[" + "y" * 5000,
                                  "\0\1\2\377", "[x]\nkind = mad\ngrow = f\n"])
def test_bad_rules_are_no_reason_to_fail(trace, usable, text):
    run = trace(usable, rules=text + "\n" + rules("usable"))
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
    assert_findings(run.report(), Truth(run.stdout).findings)


def test_missing_rule_file(trace, usable):
    run = trace(usable, env={"MAPTRACE_RULES": "/nowhere/x.rules:/etc"})
    assert len(Truth(run.stdout).findings) == 1 and run.stderr == ""
    assert run.report().verdict != "findings"


# Ends from outside.

def test_signals_reach_the_program(trace):
    script = 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    run = trace.start(["/bin/bash", "-c", script],
                      ready=lambda: "ready" in (run_folder(trace) / "stdout").read_text())
    run.stop(signal.SIGTERM)
    assert run.status == 9 and run.stdout == "ready\ngot it\n"


def run_folder(trace):
    return trace.folder / f"run{trace.runs - 1}"


@pytest.mark.serial
def test_no_thread_is_left_when_no_resize_is_open(trace, compiled):
    program = compiled(source("incremental.c"), flags=[*FLAGS, "-O2"])
    for mode, most in (("destroyed", 1), ("stuck", 2)):
        run = trace.start([program, mode, 1500], rules=rules("incremental"))
        wait_until(lambda: run.traces and "totals" not in (run.folder / "stdout").read_text())
        threads = lambda: len(os.listdir(f"/proc/{run.pid}/task"))
        wait_until(lambda: threads() <= most, timeout=1)
        run.stop(signal.SIGKILL)
