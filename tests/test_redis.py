"""
Stock redis-server. What is true comes from redis itself: its DEBUG and MEMORY
commands, and the dicts found in its memory.
"""

import time

import pytest

from drivers.redis_server import Redis, encode
from support.waiting import wait_until

RULE = "redis-dict"
STALL = 1.0  # seconds, maptrace-report's default
# From its start redis keeps tables of commands, each rehashed as far as the
# start needed it. Those are real and small; what tests do is bigger.
STARTUP_BYTES = 4096


def stuck_startup_dicts(server):
    """What the start left half-way: {(dict, old array, old bytes, new bytes, buckets moved)}."""
    return {(one.address, one.arrays[0], *one.bytes, one.moved)
            for one in server.dicts() if one.rehashing and one.bytes[0] < STARTUP_BYTES}


def lasting(report, server):
    """
    The findings that do not come from the client's pauses: nothing moves a
    set's buckets while no command comes, and on a loaded machine either side
    can be without a processor for longer than the stall.
    """
    return [one for one in report.findings
            if not (one["kind"] == "late" and one["overstay_ns"] <= server.longest_pause * 1e9)]


def of_test(findings):
    """Without what redis' own start left."""
    return [one for one in findings if one["bytes"] >= STARTUP_BYTES]


def as_truth(finding):
    return (int(finding["table"], 16), int(finding["array"], 16), finding["bytes"],
            finding["new_bytes"], finding["progress"]["moved"])


def functions(finding):
    return [frame["function"] for frame in finding["stack"]]


@pytest.mark.parametrize("activerehashing", ["no", "yes"])
def test_idle_set_keeps_its_old_array(trace, socket_folder, activerehashing):
    """Only SADD and its like move a set's buckets; an idle set keeps both arrays."""
    server = Redis(trace, socket_folder, activerehashing=activerehashing)
    server.pipe(encode("SADD", "big", f"member:{number}") for number in range(65537))
    grown = time.monotonic()

    assert server.key_tables("big") == [65536, 131072]
    truth = server.key_dict("big")
    time.sleep(STALL + 0.5)
    live = server.run.report()
    idle = time.monotonic() - grown
    startup = stuck_startup_dicts(server)
    assert server.key_dict("big") == truth, "something moved buckets of an idle set"
    server.shutdown()
    final = server.run.report()

    for report, end in (live, "running"), (final, "exit"):
        assert report.verdict == "findings"
        assert report.traces[0]["end"] == end
        found = lasting(report, server)
        [finding] = of_test(found)
        assert finding["kind"] == "stuck"
        assert finding["rule"] == RULE
        assert finding["pid"] == server.run.pid
        assert finding["bytes"] == 65536 * 8 == 512 << 10
        assert finding["new_bytes"] == 131072 * 8
        assert finding["table"] == hex(truth.address)
        assert finding["array"] == hex(truth.arrays[0])
        assert finding["new_array"] == hex(truth.arrays[1])
        assert finding["progress"] == {"moved": truth.moved, "of": 65536}
        assert finding["confidence"] == "exact"
        assert finding["resize_end_ns"] is None and finding["released_ns"] is None
        assert "_dictExpand" in functions(finding)
        assert not any("maptrace" in (frame["module"] or "") for frame in finding["stack"])
        # Its other findings are just what redis' memory shows.
        assert {as_truth(one) for one in found if one is not finding} == startup
        assert report.rule(RULE)["status"] == "active"
        assert len(found) == len(startup) + 1
        [table] = [one for one in report.tables if one["table"] == hex(truth.address)]
        assert table["resizes"] == truth.doublings
    [finding] = of_test(lasting(live, server))
    assert STALL <= finding["overstay_ns"] / 1e9 <= idle + 0.1


def test_moving_the_buckets_frees_what_was_reported(trace, socket_folder):
    """The reported bytes are those that redis' own accounting gets back."""
    server = Redis(trace, socket_folder)
    server.pipe(encode("SADD", "big", f"member:{number}") for number in range(65537))
    time.sleep(STALL + 0.2)
    [finding] = of_test(lasting(server.run.report(), server))
    before = server("MEMORY", "USAGE", "big", "SAMPLES", 0)
    server.pipe(encode("SISMEMBER", "big", f"member:{number}") for number in range(65537))
    assert server.key_tables("big") == [131072]
    after = server("MEMORY", "USAGE", "big", "SAMPLES", 0)
    assert before - after == finding["bytes"] == 512 << 10

    server.shutdown()
    [late] = [one for one in server.run.report().findings if one["bytes"] == finding["bytes"]]
    assert late["kind"] == "late"
    assert late["array"] == finding["array"] and late["table"] == finding["table"]
    assert late["overstay_ns"] >= STALL * 1e9


@pytest.mark.parametrize("grown", ["before", "during"])
def test_growth_around_a_background_save_is_late(trace, socket_folder, grown):
    """
    While a child saves, redis moves no buckets unless the table grew eightfold
    at least; what began then waits for the GETs after the child's end.
    """
    keys = {"before": 16384, "during": 2048}[grown]
    server = Redis(trace, socket_folder, activerehashing="no",
                   rdb_key_save_delay=str(100_000_000 // keys))  # us a key: the save goes on
    server.pipe(encode("SET", f"key:{number}", number) for number in range(keys))
    settled(server)
    before = time.monotonic()
    if grown == "before":
        server("SET", "one more", 1)
        server("BGSAVE")
        count = keys + 1
    else:
        server("BGSAVE")
        count = 6 * keys + 1  # dict_force_resize_ratio
        server.pipe(encode("SET", f"key:{number}", number) for number in range(keys, count))
    assert server.info("persistence", "rdb_bgsave_in_progress") == "1"
    [table] = [one for one in server.dicts() if one.type == "dbDictType" and one.rehashing]
    quiet = time.monotonic()
    time.sleep(STALL + 0.5)
    server.end_child()
    wait_until(lambda: server.info("persistence", "rdb_bgsave_in_progress") == "0", interval=0.1)
    resumed = time.monotonic()
    server.pipe(encode("GET", f"key:{number}") for number in range(keys * 3))
    settled(server)
    after = time.monotonic()
    server.shutdown()

    assert resumed - quiet > STALL
    report = server.run.report(min_bytes=STARTUP_BYTES)
    [finding] = report.findings
    assert finding["kind"] == "late"
    assert finding["bytes"] == keys * 8
    assert finding["table"] == hex(table.address)
    assert finding["array"] == hex(table.arrays[0])
    assert finding["new_bytes"] == table.bytes[1]
    assert resumed - quiet - 0.05 <= finding["overstay_ns"] / 1e9 <= after - before
    lived = (finding["released_ns"] - finding["replaced_ns"]) / 1e9
    assert resumed - quiet <= lived <= after - before
    assert "_dictExpand" in functions(finding)


def settled(server):
    """Waits until no table of database 0 is being rehashed, with lookups that move its buckets."""
    def done():
        server.pipe(encode("GET", "no such key") for _ in range(1000))
        return "rehashing target" not in server("DEBUG", "HTSTATS", 0)
    wait_until(done, interval=0)


def test_two_million_keys_are_clean(trace, socket_folder):
    keys = 2_000_000
    server = Redis(trace, socket_folder)
    server.pipe(b"*3\r\n$3\r\nSET\r\n$7\r\n%07d\r\n$1\r\nx\r\n" % number for number in range(keys))
    server.pipe(b"*2\r\n$3\r\nGET\r\n$7\r\n%07d\r\n" % number for number in range(keys))
    assert server("DBSIZE") == keys
    settled(server)
    dicts = server.dicts()
    startup = stuck_startup_dicts(server)
    server.shutdown()

    [main] = [one for one in dicts if one.type == "dbDictType" and one.used[0]]
    assert main.used[0] == keys and main.exponents == [21, -1]
    report = server.run.report(min_bytes=STARTUP_BYTES)
    assert report.verdict == "clean"
    assert report.traces[0]["complete"] and report.traces[0]["lost_events"] == 0
    assert server.run.check(min_bytes=STARTUP_BYTES) == 0
    [table] = [one for one in report.tables if one["table"] == hex(main.address)]
    assert table["resizes"] == main.doublings == 19  # 8, 16, ... 2^21 buckets
    assert table["bytes"] == table["peak_bytes"] == 8 << 21
    # The dict of settings is the one that gets its size before its first key.
    grown = sum(one.doublings for one in dicts if one.type != "sdsHashDictType")
    assert report.rule(RULE)["resizes"] == grown
    assert {as_truth(one) for one in server.run.report().findings} == startup


def test_report_is_fit_for_a_bug_report(trace, socket_folder):
    server = Redis(trace, socket_folder)
    server.pipe(encode("SADD", "big", f"member:{number}") for number in range(65537))
    time.sleep(STALL + 0.2)
    server.shutdown()
    text = server.run.text(min_bytes=STARTUP_BYTES)
    for words in "stuck", RULE, "512", "_dictExpand", "65536", f"{server.run.pid}", "redis-server":
        assert words in text, text
    assert "libmaptrace" not in text
    assert max(map(len, text.splitlines())) <= 160, text
