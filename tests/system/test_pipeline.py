# SPDX-License-Identifier: Apache-2.0
"""Events of every format through two daemons: every key of Redis is what the oracle makes of the topic."""
import time

import pytest

import events
from fleet import RULES, Fleet
from oracle.check_topic import Moving, connect, read_homes
from oracle.fold import Config
from oracle.report import Report
from virtest import Record, eventually

PARTITIONS = 12
EVENTS = 40000
BAD = 150


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=PARTITIONS)
    kafka.create_topic(name + ".dlq", partitions=2)
    return name


@pytest.fixture
def fleet(closing, kafka, redis_server, topic, tmp_path):
    return closing(Fleet(kafka, redis_server, topic, tmp_path))


def produce_all(kafka, topic):
    """Good records in every format, bad ones and tombstones among them; what was bad."""
    made = events.simulated(EVENTS, 1, "--rate", 20, "--contents", 300, "--life", "20m", "--duplicates", 0.05, "--late", 0.05)
    bad = events.refused(BAD, 2)
    tombs = [Record(f"gone-{n}".encode(), None) for n in range(50)]
    records = events.spread(events.mixed(made, 3), [record for _, record in bad], 4)
    kafka.produce(topic, events.spread(records, tombs, 5))
    return bad


def check_dead_letters(kafka, topic, bad):
    letters = kafka.consume(topic + ".dlq")
    log = {(r.partition, r.offset): r for r in kafka.consume(topic)}
    assert len(letters) == len(bad)
    reasons = {record.key: reason for reason, record in bad}
    for letter in letters:
        headers = dict(letter.headers)
        assert headers["__connect.errors.topic"] == topic.encode()
        place = int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"])
        origin = log[place]
        assert (letter.key, letter.value, letter.timestamp) == (origin.key, origin.value, origin.timestamp)
        assert headers["mine"] == dict(origin.headers)["mine"]
        assert headers["__connect.errors.exception.class.name"].decode() == reasons[letter.key]
        assert headers["__connect.errors.exception.message"]
        assert headers["__connect.errors.stage"] == b"VALUE_CONVERTER"


def test_every_key_is_what_the_oracle_says_also_after_a_restart(kafka, topic, fleet):
    bad = produce_all(kafka, topic)
    fleet.start().settle()
    partitions = fleet.fold()
    report = fleet.check(partitions)
    assert report.counts["alerts"] > 50 and report.counts["windows"] > 5000
    assert any(p.active for p in partitions)
    check_dead_letters(kafka, topic, bad)
    assert fleet.stop() == [0, 0]
    fleet.start().settle()
    fleet.check(partitions)
    check_dead_letters(kafka, topic, bad)
    more = events.mixed(events.simulated(5000, 11, "--rate", 200, "--contents", 300), 12)
    kafka.produce(topic, more)
    fleet.settle()
    fleet.check()


def test_nobody_is_paged_for_what_was_there_before_the_first_start(closing, kafka, redis_server, topic, tmp_path):
    quiet = closing(Fleet(kafka, redis_server, topic, tmp_path, config={"announce_history": False}))
    kafka.produce(topic, events.mixed(events.simulated(5000, 6, "--rate", 50, "--contents", 100), 7))
    said = {f"{topic}:{p}": end for p, end in kafka.end_offsets(topic).items()}
    quiet.start().settle()
    quiet.check(said=said, need=("fields", "windows"))
    assert quiet.alerts.xlen("vir:alerts") == 0
    kafka.produce(topic, events.mixed(events.simulated(5000, 8, "--rate", 50, "--contents", 100), 9))
    quiet.settle()
    report = quiet.check(said=said)
    assert report.counts["alerts"] > 20


def test_every_cut_is_whole_while_they_work(kafka, topic, fleet):
    """At any moment what Redis shows of a partition is the fold up to the offset stored beside it."""
    kafka.produce(topic, events.mixed(events.simulated(30000, 21, "--rate", 100, "--contents", 200), 22))
    logs, rules = fleet.logs(), fleet.rule_list()
    looks = [Moving(t, p, records, None, rules, read_homes(fleet.live, "vir:", logs), sample=30) for (t, p), records in sorted(logs.items())]
    report, at = Report(), {}
    client = connect(fleet.redis.unix_url, 0, single=True)
    fleet.start()
    end = time.monotonic() + 120
    while not all((at.get(look.key) or 0) > look.records[-1][0] for look in looks):
        assert time.monotonic() < end, at
        for look in looks:
            at[look.key] = look.compare(report, client)
            report.counts["looks"] += 1
    client.close()
    report.need("fields", "windows", "alerts", "contents")
    assert report.ok, report.text()
    print(report.text())


def drained(fleet, window):
    shown = fleet.live.hgetall("vir:all")
    return shown and all(int(value) == 0 for name, value in shown.items() if name.endswith(b"_" + window))


def test_views_drain_with_the_clock_when_nothing_comes(closing, kafka, redis_server, topic, tmp_path):
    windows = {"windows": "3s 6s 5m", "idle_timeout": "500ms"}
    fleet = closing(Fleet(kafka, redis_server, topic, tmp_path, rules=RULES.replace("1m", "6s"), config=windows))
    config = Config(windows=[("3s", 3000), ("6s", 6000), ("5m", 300000)])
    fleet.start()
    made = events.simulated(4000, 31, "--rate", 400, "--contents", 100)
    shift = int(time.time() * 1000) - max(events.ms_of(event["event_time"]) for event in made)
    for event in made:
        event["event_time"] = events.ms_of(event["event_time"]) + shift
    kafka.produce(topic, events.mixed(made, 32))
    fleet.settle()
    partitions = fleet.fold(config=config)
    fleet.check(partitions, need=("fields", "windows"))
    eventually(lambda: drained(fleet, b"6s"), 60, "the short windows are empty")
    fleet.check(partitions, need=("fields", "windows"))
    assert not any(fleet.live.exists(f"vir:top:{name}") for name in ("3s", "6s"))
    eventually(lambda: not any(fleet.live.hget(key, "shares_6s") not in (None, b"0") for key in fleet.live.scan_iter("vir:c:*}")), 60,
               "every content is rewritten")
