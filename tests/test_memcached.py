"""memcached, whose maintenance thread grows the table and frees the old array."""

import time

import pytest

from drivers.memcached import Memcached, program
from support.waiting import wait_until

RULE = "memcached-assoc"
KEYS = 50_000
FIRST_POWER = 13  # of two: buckets at the start, as few as four threads allow
POINTER = 8


@pytest.fixture(scope="module", autouse=True)
def built():
    program()


def fill(server):
    """Stores KEYS items and waits for the growth they need: memcached looks once a second."""
    server.store(f"key:{number}" for number in range(KEYS))

    def fits():
        stats = server.stats()
        return stats["hash_is_expanding"] == "0" \
            and KEYS <= 3 << int(stats["hash_power_level"]) >> 1 and stats
    return wait_until(fits)


def test_normal_growth_is_clean(trace, socket_folder):
    server = Memcached(trace, socket_folder, ["-o", f"hashpower={FIRST_POWER}"])
    stats = fill(server)
    power = int(stats["hash_power_level"])
    assert power == 16 and int(stats["hash_bytes"]) == POINTER << power
    live = server.run.report()
    server.run.stop()

    for report in live, server.run.report():
        assert report.verdict == "clean"
        assert report.totals["resizes"] == report.rule(RULE)["resizes"] == power - FIRST_POWER
        [table] = [one for one in report.tables if one["rule"] == RULE]
        assert table["resizes"] == power - FIRST_POWER
        assert table["bytes"] == int(stats["hash_bytes"])
    assert server.run.check() == 0


def test_maintenance_that_moves_nothing_is_stuck(trace, socket_folder):
    server = Memcached(trace, socket_folder, ["-o", f"hashpower={FIRST_POWER}"],
                       env={"MEMCACHED_HASH_BULK_MOVE": "-1"})
    started = time.monotonic()
    server.store(f"key:{number}" for number in range(KEYS))
    wait_until(lambda: server.stats()["hash_is_expanding"] == "1")
    grown = time.monotonic()
    time.sleep(1.3)
    stats = server.stats()
    idle = time.monotonic() - grown
    assert stats["hash_is_expanding"] == "1"
    assert int(stats["hash_power_level"]) == FIRST_POWER + 1
    both = int(stats["hash_bytes"])  # memcached counts the old array until it is freed
    assert both == POINTER * 3 << FIRST_POWER
    live = server.run.report()
    server.run.stop(9)

    for report in live, server.run.report():
        assert report.verdict == "findings"
        [finding] = report.findings
        assert (finding["kind"], finding["rule"]) == ("stuck", RULE)
        assert finding["bytes"] == POINTER << FIRST_POWER
        assert finding["bytes"] + finding["new_bytes"] == both
        assert finding["released_ns"] is None and finding["resize_end_ns"] is None
        functions = [frame["function"] for frame in finding["stack"]]
        assert "assoc_expand" in functions  # inlined
        assert "assoc_maintenance_thread" in functions
        assert any((frame["file"] or "").endswith("assoc.c") and frame["line"]
                   for frame in finding["stack"])
    [finding] = live.findings
    assert idle - 0.1 <= finding["overstay_ns"] / 1e9 <= time.monotonic() - started
