"""
maptrace run, as the stand-in for a command: status, signals, environment, and
which traces are judged. The launcher runs with a library and a judge that only
stand in for the real ones; the last tests use the real ones.
"""

import os
import shutil
import signal
import subprocess

import pytest

from support.build import PROJECT
from support.waiting import wait_until

EXIT, SIGNAL = 1, 2  # enum trace_end

JUDGE = """#!/bin/sh
echo "judged: $*"
exit ${STUB_VERDICT:-0}
"""


class Launcher:
    """A copy of maptrace among stand-ins for the parts it finds beside itself."""

    def __init__(self, folder, maptrace, library, show_header):
        self.folder = folder
        self.path = folder / "kit/maptrace"
        self.library = folder / "kit/libmaptrace.so"
        self.path.parent.mkdir()
        shutil.copy(maptrace, self.path)
        shutil.copy(library, self.library)
        judge = folder / "kit/maptrace-report"
        judge.write_text(JUDGE)
        judge.chmod(0o755)
        self.show_header = show_header

    def start(self, *command, options=(), env=None, **popen):
        return subprocess.Popen([self.path, "run", *options, "--", *command], text=True,
                                env={**os.environ, **(env or {})}, cwd=popen.pop("cwd", self.folder),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def __call__(self, *command, **rest):
        process = self.start(*command, **rest)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def header(self, name="trace.bin"):
        """pid, root pid, end, end status and end_ns of a trace."""
        return [int(word) for word in
                subprocess.check_output([self.show_header, self.folder / name], text=True).split()]

    def judged(self, done):
        """The files that were judged, by their names."""
        [line] = [line for line in done.stderr.splitlines() if line.startswith("judged: ")]
        return [os.path.basename(word) for word in line.split(" -- ")[1].split()]


@pytest.fixture
def run(maptrace, compiled, socket_folder):
    library = compiled("testdata/launcher/stub_guest.c", flags=["-shared", "-fPIC"],
                       name="libmaptrace.so")
    # Not tmp_path: it is closed to others, and one test becomes somebody else.
    return Launcher(socket_folder, maptrace.maptrace, library,
                    compiled("testdata/launcher/show_header.c"))


@pytest.fixture(scope="session")
def count_signals(compiled):
    return compiled("testdata/launcher/count_signals.c")


# --- status ------------------------------------------------------------------


@pytest.mark.sanitize
@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 3", 3), ("exit 255", 255),
    ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -SEGV $$", 139),
])
@pytest.mark.parametrize("options", [[], ["--check"]])
def test_status_is_the_commands(run, script, status, options):
    done = run("sh", "-c", script, options=options, env={"STUB_VERDICT": "0"})
    assert done.returncode == status
    assert done.stdout == ""
    assert "maptrace:" not in done.stderr


@pytest.mark.sanitize
def test_command_not_found(run):
    done = run("no-such-command")
    assert done.returncode == 127
    assert "no-such-command: No such file or directory" in done.stderr
    assert run("./nope").returncode == 127


@pytest.mark.sanitize
def test_command_not_executable(run):
    (run.folder / "data").write_text("echo no\n")
    done = run("./data")
    assert done.returncode == 126
    assert "./data: Permission denied" in done.stderr


def test_script_without_first_line_is_run_by_the_shell(run):
    script = run.folder / "script"
    script.write_text("echo ran\n")
    script.chmod(0o755)
    assert run("./script").stdout == "ran\n"


@pytest.mark.sanitize
@pytest.mark.parametrize("options", [
    [], ["--nope", "--", "true"], ["--check=yes", "--", "true"], ["-o"], ["--rules"],
    ["-o", "no/such/folder/trace.bin", "--", "true"], ["-o", "/tmp", "--", "true"],
    ["--grace=1", "--", "true"], ["--stall=", "--", "true"], ["--min-bytes=-1", "--", "true"],
])
def test_bad_usage(run, options):
    done = subprocess.run([run.path, "run", *options], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("maptrace: ")
    if options and options[0].startswith("-") and "/" not in str(options):
        assert options[0].partition("=")[0] in done.stderr


@pytest.mark.sanitize
def test_help_and_version(run):
    for arguments, word in (["--help"], "run"), (["run", "--help"], "--rules"), (["--version"], "maptrace "):
        done = subprocess.run([run.path, *arguments], capture_output=True, text=True)
        assert done.returncode == 0 and word in done.stdout and not done.stderr
    for arguments in [], ["walk"]:
        assert subprocess.run([run.path, *arguments], capture_output=True).returncode == 2


# --- what the command gets -----------------------------------------------------


def variables(text):
    return dict(line.split("=", 1) for line in text.splitlines())


def test_environment(run):
    own = variables(subprocess.check_output(["env"], text=True))
    got = variables(run("env").stdout)
    # The stand-in sets STUB_ROOT, the shell may set _.
    changed = {name for name in own.keys() | got.keys() if own.get(name) != got.get(name)}
    assert changed <= {"LD_PRELOAD", "ASAN_OPTIONS", "MAPTRACE_OUTPUT", "STUB_ROOT", "_", "PWD",
                       "OLDPWD"}
    assert got["LD_PRELOAD"] == str(run.library)
    assert got["MAPTRACE_OUTPUT"] == str(run.folder / "trace.bin")


def test_output_can_be_named(run):
    (run.folder / "sub").mkdir()
    for options, env, name in ((["-o", "sub/a.trace"], {}, "sub/a.trace"),
                               ([], {"MAPTRACE_OUTPUT": "b.trace"}, "b.trace"),
                               (["--output=c.trace"], {"MAPTRACE_OUTPUT": "b.trace"}, "c.trace")):
        got = variables(run("env", options=options, env=env).stdout)
        assert got["MAPTRACE_OUTPUT"] == str(run.folder / name)
        assert run.header(name)[2] == EXIT


def test_preloads_stay(run):
    got = variables(run("env", env={"LD_PRELOAD": "libm.so.6"}).stdout)
    assert got["LD_PRELOAD"] == f"{run.library}:libm.so.6"


def test_options_of_the_address_sanitizer_stay(run):
    """It ends a program in which our library comes before its own, unless it is told not to."""
    got = variables(run("env", env={"ASAN_OPTIONS": "detect_leaks=0"}).stdout)
    assert got["ASAN_OPTIONS"] == "verify_asan_link_order=0:detect_leaks=0"


def test_rules_are_added_to_those_of_the_environment(run):
    for name in "a.rules", "b.rules":
        (run.folder / name).write_text(f"[{name[0]}]\ngrow = grow_table_{name[0]}\n")
    got = variables(run("env", options=["--rules", "a.rules", "--rules=b.rules"],
                        env={"MAPTRACE_RULES": "/c.rules"}).stdout)
    assert got["MAPTRACE_RULES"] == f"/c.rules:{run.folder}/a.rules:{run.folder}/b.rules"


def test_nothing_else_is_handed_down(run):
    """Descriptors, blocked and ignored signals are those the launcher was started with."""
    script = "ls -l /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status"
    for prefix in "", "trap '' HUP PIPE CHLD; ":
        direct = subprocess.run(["sh", "-c", prefix + f'exec sh -c "{script}"'],
                                capture_output=True, text=True).stdout
        through = subprocess.run(
            ["sh", "-c", prefix + f'exec {run.path} run -- sh -c "{script}"'],
            capture_output=True, text=True, cwd=run.folder).stdout
        assert through == direct


def test_same_process_group_and_terminal(run):
    done = run("sh", "-c", "ps -o pgid= -p $$; ps -o pgid= -p $PPID")
    child, parent = done.stdout.split()
    assert child == parent


# --- signals -------------------------------------------------------------------


@pytest.mark.parametrize("number", [
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGCONT, signal.SIGWINCH, signal.SIGTSTP, signal.SIGALRM, signal.SIGABRT,
    signal.SIGRTMIN + 3,
])
def test_signals_are_passed_on(run, count_signals, number):
    process = run.start(count_signals)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=30)[0].split() == [str(int(number))]
    assert process.returncode == 0


def test_signal_kills_the_command(run):
    process = run.start("sleep", "100")
    wait_until(lambda: (run.folder / "trace.bin").exists())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_terminal_interrupt_arrives_once(run, count_signals):
    """Ctrl-C goes to the whole group, so the launcher must not add another."""
    master, slave = os.openpty()
    process = subprocess.Popen(["setsid", "--ctty", run.path, "run", "--", count_signals],
                               stdin=slave, stdout=subprocess.PIPE, cwd=run.folder, text=True)
    os.close(slave)
    assert process.stdout.readline() == "ready\n"
    os.write(master, b"\x03")
    assert process.communicate(timeout=30)[0].split() == [str(int(signal.SIGINT))]
    os.close(master)


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("to_group", [True, False])
def test_stop_and_continue_as_a_job(run, to_group):
    """Ctrl-Z stops both and a shell sees the job stop; `fg` continues both."""
    process = run.start("sleep", "100", process_group=0)
    send = os.killpg if to_group else os.kill
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    command = int(wait_until(lambda: open(children).read()))
    wait_until(lambda: (run.folder / "trace.bin").exists())
    for _ in range(3):
        send(process.pid, signal.SIGTSTP)
        seen = os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert (seen.si_code, seen.si_status) == (os.CLD_STOPPED, signal.SIGTSTP)
        assert state(command) == "T"
        send(process.pid, signal.SIGCONT)
        wait_until(lambda: state(process.pid) == "S" and state(command) == "S")
    send(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_stopped_command_can_be_continued_by_its_pid(run):
    """Whoever stops the command alone cannot continue the launcher, which so does not stop."""
    done = run("sh", "-c", "(sleep 0.2; kill -CONT $$) & kill -STOP $$; echo went on")
    assert done.stdout == "went on\n"


# --- how it ended --------------------------------------------------------------


def test_end_is_noted_where_nobody_could(run):
    run("sh", "-c", "exit 7", env={"STUB_END": "no"})
    pid, root, end, status, end_ns = run.header()
    assert (root, end, status) == (pid, EXIT, 7)
    assert 0 < end_ns < 20e9
    run("sh", "-c", "kill -KILL $$")
    assert run.header()[2:4] == [SIGNAL, signal.SIGKILL]


def test_end_that_is_known_stays(run):
    run("false")
    assert run.header()[2:4] == [EXIT, 0]


def test_program_that_executes_another_ends_there(run):
    run("sh", "-c", "sleep 0.2; exec sh -c 'sleep 0.4; kill -KILL $$'", env={"STUB_END": "no"})
    pid, _, end, _, first_ns = run.header()
    assert end == EXIT and 0.2e9 <= first_ns
    other, root, end, status, second_ns = run.header(f"trace.bin.{pid}")
    assert (other, root, end, status) == (pid, pid, SIGNAL, signal.SIGKILL)
    assert second_ns >= 0.4e9


# --- the check -----------------------------------------------------------------


@pytest.mark.sanitize
@pytest.mark.parametrize("verdict", [0, 23, 24, 2])
def test_check_answers_the_verdict(run, verdict):
    done = run("echo", "hello", options=["--check"], env={"STUB_VERDICT": str(verdict)})
    assert done.returncode == verdict
    assert done.stdout == "hello\n"
    assert run.judged(done) == ["trace.bin"]


@pytest.mark.sanitize
def test_command_that_failed_is_not_judged(run):
    done = run("false", options=["--check"], env={"STUB_VERDICT": "23"})
    assert done.returncode == 1
    assert "judged" not in done.stderr


def test_check_is_silent_without_being_asked(run):
    done = run("true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_limits_reach_the_judge(run):
    done = run("true", options=["--check", "--grace=1s", "--grace=5ms", "--stall", "2s", "--min-bytes=64K"])
    assert "--check --grace=5ms --stall=2s --min-bytes=64K -- " in done.stderr


def test_descendants_are_judged_and_strangers_are_not(run):
    run("sh", "-c", "sleep 0 & sleep 0 & wait")  # leaves files of an earlier run
    earlier = set(os.listdir(run.folder))
    (run.folder / "trace.bin.77").write_text("no trace")
    os.symlink("trace.bin", run.folder / "trace.bin.78")
    os.mkfifo(run.folder / "trace.bin.79")
    done = run("sh", "-c", "sleep 0 & sleep 0 & wait", options=["--check"])
    judged = run.judged(done)
    assert judged[0] == "trace.bin" and len(judged) == 3
    assert not set(judged[1:]) & earlier
    pid = run.header()[0]
    assert all(run.header(name)[1] == pid for name in judged)


def test_runs_beside_each_other_judge_their_own(run):
    """A second run with the same output turns the first one's into .old."""
    script = "echo started; read line; exit 0"
    first = run.start("sh", "-c", script, options=["--check"], stdin=subprocess.PIPE)
    first.stdout.readline()
    second = run.start("sh", "-c", script, options=["--check"], stdin=subprocess.PIPE)
    second.stdout.readline()
    for process, name in (first, "trace.bin.old"), (second, "trace.bin"):
        _, stderr = process.communicate("\n", timeout=30)
        assert stderr.endswith(f"{run.folder}/{name}\n")


def test_names_with_holes_and_odd_characters(run):
    odd = run.folder / "a [b]* c?"
    odd.mkdir()
    done = run("true", options=["--check", "-o", "x*[y].trace"], cwd=odd)
    assert f"-- {odd}/x*[y].trace" in done.stderr


def test_patterns_in_names(deferred, tmp_path):
    """%p and %e in the name; a folder's own % means nothing."""
    odd = tmp_path / "100%p"
    odd.mkdir()
    for pattern, name in (("%e.trace", "deferred.trace"), ("%%e.trace", "%e.trace"), ("x.%y", "x.%y")):
        done = deferred("--check", "-o", pattern, cwd=odd)
        assert done.returncode == 23, done.stderr
        assert [path.name for path in odd.iterdir()] == [name]
        (odd / name).unlink()
    assert deferred("--check", "-o", "%p.trace", cwd=odd).returncode == 23
    [path] = odd.iterdir()
    assert path.stem.isdigit()


def test_run_within_a_run(deferred, maptrace, tmp_path):
    """The inner one is a run of its own, and the outer one is not confused by it."""
    done = deferred("--check", "-o", "inner.trace",
                    before=[maptrace.maptrace, "run", "--check", "-o", "outer.trace", "--"])
    assert done.returncode == 23, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"inner.trace", "outer.trace"}


def test_no_trace_is_inconclusive(run):
    run.library.write_bytes(b"no library")
    done = run("true", options=["--check"])
    assert done.returncode == 24
    assert "maptrace: inconclusive: true left no trace" in done.stderr


def test_lost_trace_of_the_command_is_inconclusive(run):
    done = run("sh", "-c", "sh -c 'sleep 0'; rm trace.bin", options=["--check"])
    assert done.returncode == 24
    judged = run.judged(done)
    assert judged and all(name.startswith("trace.bin.") for name in judged)
    assert "maptrace: inconclusive: sh left no trace" in done.stderr


def test_missing_parts(run):
    (run.path.parent / "maptrace-report").unlink()
    done = run("echo", "ran", options=["--check"])
    assert done.returncode == 125 and not done.stdout
    assert "cannot find maptrace-report" in done.stderr
    run.library.unlink()
    done = run("echo", "ran")
    assert done.returncode == 125 and not done.stdout
    assert "cannot find libmaptrace.so" in done.stderr


# --- rule files ----------------------------------------------------------------


@pytest.mark.sanitize
def test_rule_file_that_is_not_there(run):
    for name in "nope.rules", ".", "/dev/null/x":
        done = run("echo", "ran", options=["--rules", name])
        assert done.returncode == 2 and not done.stdout
        assert f"maptrace: {name}: " in done.stderr


@pytest.mark.sanitize
def test_broken_rules_are_said_and_do_not_stop_the_run(run):
    (run.folder / "my.rules").write_text("[good]\ngrow = grow_table\n\n[bad]\ngrowl = x\n")
    done = run("echo", "ran", options=["--rules", "my.rules"])
    assert done.returncode == 0 and done.stdout == "ran\n"
    assert "maptrace: my.rules:5: " in done.stderr


# --- what cannot be traced -------------------------------------------------------

SAYS = "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }\n"


@pytest.fixture
def build(run):
    source = run.folder / "says.c"
    source.write_text(SAYS)

    def compile(*command):
        result = run.folder / "says"
        subprocess.run([*command, "-o", result, source], check=True)
        return result
    return compile


def cannot(run, command, reason, **popen):
    done = run(*command, options=["--check"], **popen)
    assert reason in done.stderr and "cannot be traced" in done.stderr
    assert done.stdout == "ran\n"
    assert done.returncode == 24
    return done


@pytest.mark.sanitize
@pytest.mark.parametrize("flags", [["-static"], ["-static-pie"]])
def test_static_program(run, build, flags):
    program = build("gcc", *flags)
    cannot(run, [program], "statically linked")
    script = run.folder / "script"
    script.write_text(f"#! {program} -x\n")
    script.chmod(0o755)
    cannot(run, [script], "statically linked")


@pytest.mark.sanitize
def test_musl_program_runs_without_the_library(run, build):
    done = cannot(run, [build("musl-gcc")], "linked with musl")
    assert "ERROR" not in done.stderr and "Error" not in done.stderr


def test_descendants_without_the_library_are_named(run):
    """Once for each program, and only when it has lived for a moment: nothing is said of echo."""
    done = run("sh", "-c", "env -i sleep 3 & env -i sleep 3 & env -i echo brief; sleep 3; wait")
    assert done.returncode == 0 and done.stdout == "brief\n"
    line, = done.stderr.splitlines()
    assert "sleep) is not traced: it was started without LD_PRELOAD" in line


@pytest.mark.sanitize
def test_go_program_without_libc(run):
    done = run("gosu", "--version", options=["--check"])
    assert (done.returncode, run.judged(done)) == (0, ["trace.bin"])
    assert "cannot be traced" not in done.stderr


def test_go_program_that_executes_another(run):
    done = run("gosu", "root", "sh", "-c", "echo ran", options=["--check"])
    assert "cannot be traced" not in done.stderr
    assert done.stdout == "ran\n" and done.returncode == 0
    assert "trace.bin" in run.judged(done)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a program privileges")
@pytest.mark.parametrize("give, reason", [
    (["chmod", "u+s"], "set-user-ID"), (["chmod", "g+s"], "set-group-ID"),
    (["setcap", "cap_net_raw+ep"], "file capabilities"),
])
def test_privileged_program(run, build, give, reason):
    program = build("gcc")
    subprocess.run([*give, program], check=True)
    assert run(program, options=["--check"]).returncode == 0  # root gains nothing by it
    run.folder.chmod(0o777)
    (run.folder / "trace.bin").unlink()
    cannot(run, [program], reason, user=65534, group=65534, extra_groups=[])


def test_program_for_another_machine(run, build):
    program = build("gcc")
    image = bytearray(program.read_bytes())
    image[18] = 0xb7  # e_machine: AArch64
    program.write_bytes(image)
    # The kernel refuses it, and execvp() then takes it for a shell script.
    done = run(program, options=["--check"])
    assert "cannot be traced: it is not an x86-64 program" in done.stderr
    assert done.returncode != 0 and not done.stdout


def test_loader_as_a_command_can_be_traced(run):
    done = run("/lib64/ld-linux-x86-64.so.2", "/bin/echo", "ran", options=["--check"])
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "cannot" not in done.stderr


@pytest.mark.sanitize
def test_damaged_files(run, build):
    """Cut anywhere, the file is at most not executable; the launcher lives."""
    image = build("gcc").read_bytes()
    program = run.folder / "cut"
    for size in 1, 4, 20, 63, 64, 100, 400, 800, 2000, len(image) - 100:
        program.write_bytes(image[:size])
        program.chmod(0o755)
        # Short ones are taken for shell scripts.
        assert run(program).returncode in (0, 2, 126, 127, 135, 139)


# --- the real library and the real judge -------------------------------------------



@pytest.fixture
def deferred(maptrace, compiled, tmp_path):
    """Runs a program of which one table lets its old array go half a second late."""
    program = compiled("testdata/truth/deferred.c", libs=["-lpthread"])

    def start(*options, before=(), cwd=tmp_path):
        return subprocess.run(
            [*before, maptrace.maptrace, "run", "--rules", PROJECT / "testdata/rules/deferred.rules",
             *options, "--", program, "one", "500"],
            cwd=cwd, text=True, capture_output=True, timeout=120)
    return start


def test_real_findings_fail_the_check(deferred):
    done = deferred("--check")
    assert done.returncode == 23, done.stderr
    assert "deferred" in done.stderr and "late" in done.stderr
    assert all(line.startswith("{") for line in done.stdout.splitlines())


def test_real_clean_run_passes_the_check(deferred):
    done = deferred("--check", "--grace=5s")
    assert done.returncode == 0, done.stderr


def test_real_run_is_silent(deferred):
    done = deferred()
    assert done.returncode == 0 and done.stderr == ""
