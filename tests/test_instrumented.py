"""
Programs that a sanitizer has instrumented: they bring an allocator, interceptors and checks of
their own, and test suites are full of them.
"""

import subprocess

import pytest

PROGRAM = """
#include <cstdio>
#include <string>
#include <thread>
#include <unordered_map>

static void fill(std::unordered_map<int, std::string> *map)
{
    for (int i = 0; i < 10000; i++)
        (*map)[i] = std::to_string(i);
}

int main(int count, char **words)
{
    std::unordered_map<int, std::string> first, second;
    std::thread other(fill, &first);
    fill(&second);
    other.join();
    std::printf("%zu\\n", first.size() + second.size());
    if (count > 1) {
        char *freed = new char[100];
        delete[] freed;
        return freed[count]; /* what the sanitizer is there for */
    }
}
"""

BUILDS = [(compiler, name) for compiler, names in
          (("g++", ("address", "undefined", "thread", "leak")),
           ("clang++", ("address", "undefined", "thread", "leak"))) for name in names]


@pytest.fixture(params=BUILDS, ids=["-".join(build) for build in BUILDS])
def instrumented(request, tmp_path):
    compiler, name = request.param
    source, program = tmp_path / "its.cc", tmp_path / "its"
    source.write_text(PROGRAM)
    subprocess.run([compiler, "-g", "-O1", "-w", f"-fsanitize={name}", "-pthread", "-o", program,
                    source], check=True)
    return program


def run(command, folder, **options):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True,
                          text=True, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def test_runs_as_ever_and_is_seen_or_blind(instrumented, maptrace, reporter, tmp_path):
    assert run([instrumented], tmp_path) == (0, "20000\n", "")
    assert run([maptrace.maptrace, "run", "--", instrumented], tmp_path) == (0, "20000\n", "")
    report = reporter.json(tmp_path / "trace.bin")
    rule = report.rule("libstdc++-unordered")
    assert report.findings == []
    if rule["status"] == "blind":
        assert "malloc" in rule["reason"] and report.verdict == "inconclusive"
    else:
        assert report.verdict == "clean" and rule["resizes"] == 2 * 9


@pytest.mark.parametrize("instrumented", [build for build in BUILDS if build[1] == "address"],
                         ids="-".join, indirect=True)
def test_the_sanitizer_still_finds_what_it_looks_for(instrumented, maptrace, tmp_path):
    for command in [], [maptrace.maptrace, "run", "--"]:
        status, _, said = run([*command, instrumented, "use after free"], tmp_path)
        assert status != 0 and "heap-use-after-free" in said
