"""Containers that cannot be seen, which is said, and those that can be seen only just."""

import subprocess

import pytest

from support.catalogue import CONTAINERS, seen


@pytest.mark.parametrize("command, rule", [
    (["lua5.4", CONTAINERS / "hash.lua"], "lua-table"),
    (["rsync", "--version"], "rsync-hash"),
    (["gawk", "BEGIN { a[1] }"], "gawk-array"),
    (["git", "version"], "git-hashmap"),
    (["git", "version"], "git-objects"),
    (["du", "-l", CONTAINERS], "gnulib-hash"),
])
def test_blind(trace, command, rule):
    status = trace(command).report().rule(rule)
    assert status["status"] == "blind", status
    assert status["reason"]


def test_heap_of_its_own_is_the_reason(trace):
    status = trace(["luajit", CONTAINERS / "hash.lua"]).report().rule("luajit-table")
    assert "heap of its own" in status["reason"]
    assert "LUAJIT_USE_SYSMALLOC" in status["reason"]


GROWER = """
#include <stdlib.h>
static void *table;
#ifndef SECTION
#define SECTION ".text"
#endif
__attribute__((noinline, section(SECTION))) static void my_grow(size_t bytes)
{
    void *old = table;
    table = malloc(bytes);
    free(old);
}
void lua_callk(void) {}
int main(void)
{
    for (int i = 1; i < 10; i++)
        my_grow(i * 1000);
}
"""
GROWER_RULE = "[mine]\ngrow = my_grow\n"


@pytest.fixture
def grower(tmp_path):
    """grower(options...) -> a new copy of GROWER, compiled"""
    def build(*options):
        (tmp_path / "grower.c").write_text(GROWER)
        subprocess.run(["gcc", "-O2", "-g", *options, "-o", tmp_path / "grower", tmp_path / "grower.c"],
                       check=True)
        return tmp_path / "grower"
    return build


def test_program_with_a_hole_between_its_segments(trace, grower):
    """The loader tells of such a program one segment at a time."""
    program = grower("-no-pie", '-DSECTION=".far"', "-Wl,--section-start=.far=0x2600000")
    report = trace(program, rules=GROWER_RULE).report()
    assert seen(report, "mine") == 8
    [table] = report.tables
    assert [frame["function"] for frame in table["stack"]][:2] == ["my_grow", "main"]


def test_program_that_the_loader_was_started_with(trace, grower):
    """Then the kernel takes the loader for the program."""
    program = grower()
    for name, cwd in (program, None), (f"./{program.name}", program.parent):
        report = trace(["/lib64/ld-linux-x86-64.so.2", name], rules=GROWER_RULE, cwd=cwd).report()
        assert seen(report, "mine") == 8
        [table] = report.tables
        assert [frame["function"] for frame in table["stack"]][:2] == ["my_grow", "main"]


def test_debug_file_that_only_a_link_names(trace, grower, tmp_path):
    program = grower("-Wl,--build-id=none")
    for command in (["--only-keep-debug", program, tmp_path / "grower.dbg"], ["--strip-all", program],
                    [f"--add-gnu-debuglink={tmp_path / 'grower.dbg'}", program]):
        subprocess.run(["objcopy", *command], check=True)
    assert seen(trace(program, rules=GROWER_RULE).report(), "mine") > 0


def test_debug_information_that_cannot_be_read_is_spoken_of(trace, grower, tmp_path):
    program = grower()
    (tmp_path / "junk").write_bytes(b"\xff\xee" * 100)
    subprocess.run(["objcopy", f"--update-section=.debug_info={tmp_path / 'junk'}", program], check=True)
    assert "functions may be missing: grower" in trace(program, rules=GROWER_RULE).report().rule("mine")["reason"]


def test_container_that_is_loaded_later_is_blind_too(trace, grower, tmp_path):
    library = grower("-shared", "-fPIC")
    loader = tmp_path / "loader.c"
    loader.write_text('#include <dlfcn.h>\nint main(int count, char **words)\n{\n'
                      'int (*run)(void) = (int (*)(void))dlsym(dlopen(words[1], RTLD_NOW), "main");\n'
                      'return count != 2 || run();\n}\n')
    subprocess.run(["gcc", "-o", tmp_path / "loader", loader], check=True)
    rule = trace([tmp_path / "loader", library]).report().rule("lua-table")
    assert rule["status"] == "blind"
    assert "the container is there" in rule["reason"]


MUSL = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int status;
    void *aligned;

    for (int i = 1; i < 1000; i++)
        free(realloc(calloc(i, 8), i * 100));
    free(posix_memalign(&aligned, 64, 100) ? NULL : aligned);
    if (!fork())
        _exit(malloc(100) ? 4 : 1);
    wait(&status);
    printf("ran %d\\n", WEXITSTATUS(status));
    return 5;
}
"""


def test_descendant_linked_with_musl_runs_untraced(trace, tmp_path):
    (tmp_path / "musl.c").write_text(MUSL)
    subprocess.run(["musl-gcc", "-o", tmp_path / "musl", tmp_path / "musl.c"], check=True)
    run = trace(["sh", "-c", f"{tmp_path}/musl; exit $?"], status=5)
    assert run.stdout == "ran 4\n"
    assert len(run.report().traces) == 1
