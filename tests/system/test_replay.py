# SPDX-License-Identifier: Apache-2.0
"""`virald replay` on real Kafka and Redis: the spare database shows what live shows, and nobody is disturbed."""
import json
import random
import re
import shlex
import threading
import time
import urllib.request

import pytest

import events
from fleet import Fleet, viralctl
from oracle.fold import Config
from replays import begin_replay, check_generation, entries, folded_so_far, generation, offsets, replay, same_alerts, spare, wait_for
from virtest import PortLock, Record, eventually

HOUR = 3600_000
REFUSED, BROKEN_OFF = 78, 75


@pytest.fixture
def make(kafka, redis_server, closing, tmp_path):
    """make(partitions, ...) -> a fleet of one, with a topic and its dead letters."""
    def build(partitions=2, size=1, topic=None, redis=None, **more):
        topic = topic or kafka.create_topic(partitions=partitions)
        kafka.create_topic(topic + ".dlq")
        return closing(Fleet(kafka, redis or redis_server, topic, tmp_path, size=size, **more))
    return build


def some(count, seed, contents=50, rate=50, *args):
    return events.mixed(events.simulated(count, seed, "--rate", rate, "--contents", contents, *args), seed)


def no_difference(fleet, name):
    fleet.daemons[0].write_config()
    return viralctl("diff", name, "--config", fleet.daemons[0].config_file).rstrip().endswith("no difference")


def but_replays(shown):
    return {key: value for key, value in shown.items() if b":replay:" not in key[1]}


# ------------------------------------------------------------------------------------ equal

def test_a_replay_shows_what_live_shows(make, kafka):
    fleet = make(3)
    topic = fleet.topics[0]
    bad = [record for _, record in events.refused(60, 1)]
    kafka.produce(topic, events.spread(some(6000, 1), bad, 2))
    fleet.start().settle()
    partitions = fleet.fold()
    fleet.check(partitions)
    before, letters, committed = fleet.shown(), len(kafka.consume(topic + ".dlq")), kafka.committed(f"g-{topic}", topic)
    done = replay(fleet, "--name", "fix")
    assert "generation fix is complete" in done.stdout and "viralctl diff fix" in done.stdout
    check_generation(fleet, "fix", partitions)
    assert same_alerts(fleet, "fix") > 10
    assert offsets(fleet, topic) == fleet.offsets(topic)
    assert {spare(fleet).hget(fleet.own(p), "generation") for p in range(3)} == {b"fix"}
    assert spare(fleet).hget("vir:meta", "state") == b"replay"
    assert but_replays(fleet.shown()) == before
    assert len(kafka.consume(topic + ".dlq")) == letters and kafka.committed(f"g-{topic}", topic) == committed
    assert fleet.stop() == [0]


def test_a_rate_below_the_weight_of_a_view_ends_too(make, kafka):
    fleet = make(1)
    kafka.produce(fleet.topics[0], events.spread(some(200, 3, 8), [], 1))
    fleet.start().settle()
    partitions = fleet.fold()
    replay(fleet, "--name", "fix", "--rate", 60)
    check_generation(fleet, "fix", partitions)


def test_nobody_hears_of_a_replay(make, kafka):
    fleet = make(1)
    kafka.produce(fleet.topics[0], some(3000, 1))
    fleet.start().settle()
    ear = fleet.alerts.pubsub()
    ear.subscribe("vir:alerts:live")
    assert ear.get_message(timeout=5)["type"] == "subscribe"
    replay(fleet, "--name", "fix")
    assert same_alerts(fleet, "fix") > 5
    fleet.alerts.publish("vir:alerts:live", "last")
    assert ear.get_message(timeout=5)["data"] == b"last"


def test_aborted_transactions_and_an_open_one(make, kafka):
    fleet = make(1)
    topic = fleet.topics[0]
    producer = kafka.producer(transactional_id=topic)
    producer.init_transactions(60)
    made = some(3000, 3)
    for number in range(6):
        producer.begin_transaction()
        kafka.produce(topic, made[number * 400:number * 400 + 400], producer)
        (producer.abort_transaction if number % 2 else producer.commit_transaction)()
    kafka.produce(topic, made[2400:2500])
    fleet.start().settle()
    partitions = fleet.fold()
    assert partitions[0].offset > 1300
    replay(fleet, "--name", "fix")
    check_generation(fleet, "fix", partitions)
    same_alerts(fleet, "fix")
    producer.begin_transaction()
    kafka.produce(topic, made[2500:], producer)
    producer.flush()
    stable = fleet.offsets(topic)[0]
    assert kafka.end_offsets(topic)[0] > stable
    plan = json.loads(replay(fleet, "--name", "next", "--dry-run", "--json", code=REFUSED).stdout.splitlines()[0])
    assert plan["partitions"][0]["end"] == stable
    producer.abort_transaction()
    # The markers at the end are passed: the bound is behind the last record.
    eventually(lambda: kafka.offsets(topic)[0][1] > stable + 500, what="the marker is written")
    done = replay(fleet, "--name", "next", "--discard", "fix", "--to", "offset:999999")
    assert "is complete" in done.stdout
    check_generation(fleet, "next", partitions)
    assert int(generation(fleet)[f"p:{topic}:0"].split()[1]) == kafka.end_offsets(topic)[0]


def test_late_and_duplicate_events(make, kafka):
    fleet = make(2)
    made = some(5000, 4, 40, 100, "--duplicates", 0.1)
    chosen = random.Random(4)
    mixed = sorted(enumerate(made), key=lambda at: at[0] + chosen.choice((0, 0, 0, 50, 2000)) * chosen.random())
    kafka.produce(fleet.topics[0], [record for _, record in mixed])
    fleet.start().settle()
    partitions = fleet.fold()
    replay(fleet, "--name", "fix")
    check_generation(fleet, "fix", partitions)
    same_alerts(fleet, "fix")


def test_what_live_refused_by_its_clock_a_replay_refuses_though_that_time_has_come(make, kafka):
    topic = kafka.create_topic(config={"message.timestamp.after.max.ms": 2**63 - 1})
    fleet = make(topic=topic, config={"kafka": {"max_clock_ahead": "1m"}})
    now = int(time.time() * 1000)
    soon = [Record(b"early", events.protobuf(events.share("early")), timestamp=now + 75_000) for _ in range(3)]
    kafka.produce(topic, events.spread(some(900, 5), soon, 5))
    fleet.start().settle()
    noted = fleet.live.lrange(fleet.own(0, part="refused"), 0, -1)
    assert len(noted) == 3 and not fleet.live.exists("vir:c:{early}")
    partitions = fleet.fold()
    eventually(lambda: int(time.time() * 1000) > now + 16_000, 30, "the records are less than a minute ahead now")
    replay(fleet, "--name", "fix")
    assert spare(fleet).lrange(fleet.own(0, part="refused"), 0, -1) == noted
    check_generation(fleet, "fix", partitions)


def test_contents_that_were_forgotten_and_came_back(make, kafka):
    config = {"windows": "1m 5m 2h", "dedup_window": "20s", "retention": "2h"}
    fleet = make(2, config=config)
    made, start = [], int(time.time() * 1000) - 48 * HOUR
    for hour in range(40):
        for number in range(30):
            at = start + hour * HOUR + number * 60_000
            content = f"c-{(hour * 7 + number) % 23 if number % 2 else number % 5 + hour // 6 * 10}"
            made.append(events.record(events.share(content, event_id=f"e-{hour}-{number}", event_time=at, actor_id=f"a-{number}"), timestamp=at))
    kafka.produce(fleet.topics[0], made)
    fleet.start().settle()
    oracle = Config(windows=[("1m", 60_000), ("5m", 300_000), ("2h", 2 * HOUR)], dedup_window=20_000, retention=2 * HOUR)
    partitions = fleet.fold(config=oracle)
    fleet.check(partitions, need=("fields", "windows", "contents"))
    replay(fleet, "--name", "fix")
    check_generation(fleet, "fix", partitions, need=("fields", "windows", "contents"))
    same_alerts(fleet, "fix")
    assert no_difference(fleet, "fix")


def test_contents_in_two_partitions_have_the_home_they_have_in_live(make, kafka):
    fleet = make(2)
    both = [record._replace(partition=number % 2) for number, record in enumerate(some(3000, 18))]
    kafka.produce(fleet.topics[0], both)
    fleet.start().settle()
    partitions = fleet.fold()
    fleet.check(partitions, need=("fields", "windows"))
    homes = {key: fleet.live.hget(key, "home") for key in fleet.live.scan_iter("vir:c:{*}") if key.endswith(b"}")}
    assert len(set(homes.values())) == 2
    replay(fleet, "--name", "fix")
    assert {key: spare(fleet).hget(key, "home") for key in homes} == homes
    check_generation(fleet, "fix", partitions, need=("fields", "windows"))
    same_alerts(fleet, "fix")
    assert no_difference(fleet, "fix")


# ------------------------------------------------------------------------------------ rules

FIRST = """groups:
- name: g
  rules:
  - {alert: Kept, expr: 'shares_total >= 10', labels: {severity: page}}
  - {alert: Gone, expr: 'shares{window="24h"} >= 5'}
  - {alert: Ripening, expr: 'shares_total >= 3', for: 5m}
"""
SECOND = """groups:
- name: g
  rules:
  - {alert: New, expr: 'likes_total >= 10'}
  - {alert: Kept, expr: 'shares_total >= 10', labels: {severity: critical}}
  - {alert: Ripening, expr: 'shares_total >= 3', for: 10m}
"""


def reloaded(fleet, kafka, count):
    """A history in which the rules were changed: FIRST, SECOND, FIRST again."""
    topic = fleet.topics[0]
    kafka.produce(topic, some(count, 19))
    fleet.start().settle()
    for number, text in enumerate((SECOND, FIRST), 2):
        fleet.write_rules(text)
        fleet.daemons[0].reload()
        eventually(lambda: all(fleet.live.llen(fleet.own(p, part="rules")) == number for p in (0, 1)), what="it is in force")
        kafka.produce(topic, some(count, 18 + number))
        fleet.settle()


def test_it_judges_by_the_rules_of_the_time(make, kafka):
    fleet = make(2, rules=FIRST)
    reloaded(fleet, kafka, 2000)
    replay(fleet, "--name", "fix")
    assert same_alerts(fleet, "fix") > 20
    reasons = {entry["reason"] for of in entries(fleet.alerts, "vir:replay:fix:alerts").values() for entry in of}
    assert "rule_removed" in reasons
    for p in (0, 1):
        assert spare(fleet).lrange(fleet.own(p, part="rules"), 0, -1) == fleet.live.lrange(fleet.own(p, part="rules"), 0, -1)
        assert spare(fleet).hget(fleet.own(p), "rules") == fleet.live.hget(fleet.own(p), "rules")


def test_it_judges_by_a_file_throughout(make, kafka, tmp_path):
    fleet = make(2, rules=FIRST)
    reloaded(fleet, kafka, 1500)
    other = tmp_path / "other.yaml"
    other.write_text(SECOND)
    replay(fleet, "--name", "fix", "--rules", other)
    found = generation(fleet)
    assert found["rules"] == "given" and json.loads(found["rules_text"]) and len(found["rules_hash"]) == 16
    check_generation(fleet, "fix", fleet.fold(rules=fleet.rule_list(texts=[SECOND])))
    assert fleet.alerts.llen("vir:rules") == 3
    other.write_text("groups: [{name: g, rules: [{alert: A, expr: 'nonsense('}]}]")
    done = replay(fleet, "--name", "b", "--discard", "fix", "--rules", other, code=REFUSED)
    assert "other.yaml:1:" in done.stderr and spare(fleet).get("vir:generation") == b"fix"


# ------------------------------------------------------------------------------------ killed, stopped, resumed

def test_killed_at_random_points_it_goes_on_where_its_cuts_say(make, kafka):
    fleet = make(3)
    topic = fleet.topics[0]
    kafka.produce(topic, some(24000, 6, 200, 200))
    fleet.start().settle()
    partitions = fleet.fold()
    chosen, kills = random.Random(6), 0
    for _ in range(8):
        going = begin_replay(fleet, "--name", "fix", "--rate", 6000, "-s", "cut.interval=20ms")
        end = time.monotonic() + chosen.uniform(0.3, 2.2)
        while time.monotonic() < end and going.running:
            going.tail()
        kills += going.running
        going.kill()
    stored = [off or 0 for off in offsets(fleet, topic).values()]
    assert kills >= 4 and 0 < sum(stored)
    replay(fleet, "--name", "fix")
    check_generation(fleet, "fix", partitions)
    assert same_alerts(fleet, "fix") > 10


def test_a_signal_stops_it_and_the_same_name_goes_on(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(20000, 7, 200, 200))
    fleet.start().settle()
    going = begin_replay(fleet, "--name", "fix", "--rate", 4000, "--from", "earliest")
    eventually(lambda: sum(off or 0 for off in offsets(fleet, topic).values()) > 2000, what="some of it is stored")
    busy = replay(fleet, "--name", "fix", code=BROKEN_OFF)
    assert "another process" in busy.stderr
    assert "another process" in replay(fleet, "--name", "b", "--discard", "fix", code=BROKEN_OFF).stderr
    assert going.stop() == BROKEN_OFF
    assert "virald replay --name fix" in going.text()
    assert generation(fleet)["state"] == "filling" and generation(fleet)["runner"] == ""
    assert "goes on as it was begun" in replay(fleet, "--name", "fix", "--from", "-1h", code=REFUSED).stderr
    assert "--discard fix" in replay(fleet, "--name", "b", code=REFUSED).stderr
    replay(fleet, "--name", "fix", "--to", "live")
    check_generation(fleet, "fix", fleet.fold())
    same_alerts(fleet, "fix")


def test_redis_that_restarts_in_the_midst(make, kafka, closing):
    from virtest import Redis
    server = closing(Redis("kept", appendonly=True))
    fleet = make(2, redis=server)
    topic = fleet.topics[0]
    kafka.produce(topic, some(12000, 8, 200, 200))
    fleet.start().settle()
    going = begin_replay(fleet, "--name", "fix", "--rate", 4000)
    eventually(lambda: sum(off or 0 for off in offsets(fleet, topic).values()) > 1000, what="some of it is stored")
    mark = server.mark()
    eventually(lambda: sum(off or 0 for off in offsets(fleet, topic).values()) > 3000, what="and more")
    server.lose_tail(to=mark)
    assert wait_for(going) == 0, going.text()
    check_generation(fleet, "fix", folded_so_far(fleet))
    fleet.settle()


# ------------------------------------------------------------------------------------ beside live

def test_live_goes_on_meanwhile(make, kafka):
    fleet = make(3, size=2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(10000, 9, 200, 200))
    fleet.start().settle()
    ended, more = threading.Event(), some(40000, 10, 200, 200)

    def produce():
        for at in range(0, len(more), 100):
            if ended.is_set():
                return
            kafka.produce(topic, more[at:at + 100], producer)

    producer = kafka.producer()
    thread = threading.Thread(target=produce)
    thread.start()
    try:
        eventually(lambda: sum(fleet.offsets(topic).values()) > 11000, what="live goes on")
        replay(fleet, "--name", "fix", "--rate", 8000, "-s", "replay.switch_max_lag=2000")
    finally:
        ended.set()
        thread.join()
    reached = offsets(fleet, topic)
    assert all(reached[p] <= off for p, off in fleet.offsets(topic).items())
    assert sum(reached.values()) > 11000
    check_generation(fleet, "fix", folded_so_far(fleet))
    fleet.settle()
    fleet.check()


def test_it_waits_for_live(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(4000, 11))
    fleet.start().settle()
    fleet.stop()
    stood = fleet.offsets(topic)
    kafka.produce(topic, some(4000, 12))
    going = begin_replay(fleet, "--name", "fix", "--to", "offset:1000000")
    eventually(lambda: offsets(fleet, topic) == stood, what="it is as far as live")
    seen = going.text()
    fleet.start()
    assert wait_for(going) == 0, going.text()
    assert "is complete" not in seen
    fleet.settle()
    check_generation(fleet, "fix", fleet.fold())
    same_alerts(fleet, "fix")


def test_a_live_that_stands_still_is_live_all_the_same(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(4000, 11))
    fleet.start().settle()
    partitions = fleet.fold()
    fleet.stop()
    kafka.produce(topic, some(500, 12))
    replay(fleet, "--name", "fix")
    assert offsets(fleet, topic) == fleet.offsets(topic)
    check_generation(fleet, "fix", partitions)


def way_back(fleet):
    """The options of the command that live's log names when it refuses a Redis that lost all."""
    named = eventually(lambda: re.findall(r"event=partition_stopped .*: virald replay (--[^\"]*)", fleet.daemons[0].log), 60, "live refuses")
    assert len(set(named)) == 1
    return shlex.split(named[0])


@pytest.mark.parametrize("while_running", [True, False])
def test_the_way_back_from_a_lost_redis_is_what_the_refusal_says(make, kafka, while_running):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(4000, 21))
    fleet.start().settle()
    eventually(lambda: kafka.committed(f"g-{topic}", topic) == kafka.end_offsets(topic), what="the witness has it")
    bound = {f"{topic}:{p}": off for p, off in kafka.committed(f"g-{topic}", topic).items()}
    if not while_running:
        fleet.stop()
    fleet.live.flushall()
    if not while_running:
        fleet.start()
    way = way_back(fleet)
    eventually(lambda: all(fleet.stopped(p) for p in (0, 1)), 60, "all of live stands")
    kafka.produce(topic, some(1000, 22))
    done = replay(fleet, *way)
    name = re.search(r"generation (\S+) is live", done.stdout)[1]
    fleet.settle()
    assert fleet.live.get("vir:generation") == name.encode()
    fleet.check(said=bound)
    kafka.produce(topic, some(3000, 23))
    fleet.settle()
    fleet.check(said=bound)
    assert fleet.stop() == [0]


# ------------------------------------------------------------------------------------ from where to where

def plan_of(fleet, *args):
    """A dry run says its plan before it finds that the spare database is taken."""
    spare(fleet).set("vir:generation", "other")
    text = replay(fleet, "--name", "look", "--dry-run", "--json", *args, code=REFUSED).stdout.splitlines()[0]
    assert spare(fleet).keys() == [b"vir:generation"]
    return {part["partition"]: part for part in json.loads(text)["partitions"]}


def test_bounds_by_time_and_offset(make, kafka):
    """A marker carries the broker's clock: a look-up of a later time than all records finds it."""
    fleet = make(1)
    topic = fleet.topics[0]
    producer = kafka.producer(transactional_id=topic)
    producer.init_transactions(60)
    start = 1_500_000_000_000
    for number in range(4):
        producer.begin_transaction()
        kafka.produce(topic, [(b"k", b"v", None, start + number * 1000 + i) for i in range(10)], producer)
        producer.commit_transaction()
    eventually(lambda: kafka.end_offsets(topic)[0] == 44, what="all markers are written")
    fleet.daemons[0].write_config()
    for ms, offset in ((0, 0), (start, 0), (start + 5, 5), (start + 10, 11), (start + 1000, 11), (start + 3009, 42), (start + 3010, 44)):
        assert plan_of(fleet, "--from", ms)[0]["first"] == offset, ms
        assert plan_of(fleet, "--to", ms)[0]["end"] == offset, ms
    assert plan_of(fleet, "--from", "2017-07-14T02:40:01.003Z")[0]["first"] == 14
    assert plan_of(fleet, "--from", "-1h")[0]["first"] == 44
    assert plan_of(fleet, "--from", "offset:7", "--to", "offset:20")[0] == {
        "topic": topic, "partition": 0, "first": 7, "end": 20, "gap": 0, "gap_at_most": False}
    for bad in ("yesterday", "live", "offset:-1", "-2x"):
        assert "expected" in replay(fleet, "--dry-run", "--from", bad, code=REFUSED).stderr
    kafka.delete_records(topic, {0: 15})
    found = plan_of(fleet, "--from", "offset:3")[0]
    assert (found["first"], found["gap"], found["gap_at_most"]) == (15, 12, False)
    found = plan_of(fleet, "--from", start)[0]
    assert (found["first"], found["gap"], found["gap_at_most"]) == (15, 15, True)
    assert plan_of(fleet, "--from", start + 1007)[0] == {**found, "first": 18, "gap": 0, "gap_at_most": False}
    assert "12 records below offset 15 are no longer in Kafka" in replay(fleet, "--from", "offset:3", "--dry-run", code=REFUSED).stdout


def test_a_part_of_the_history(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(6000, 13))
    fleet.start().settle()
    replay(fleet, "--name", "part", "--from", "offset:500", "--to", "offset:1500")
    assert {spare(fleet).hget(fleet.own(p), "base_offset") for p in (0, 1)} == {b"500"}
    logs = {place: [r for r in of if 500 <= r[0] < 1500] for place, of in fleet.logs().items()}
    check_generation(fleet, "part", fleet.fold(logs), need=("fields", "contents"))


def test_retention_takes_the_start_while_it_runs(make, kafka):
    fleet = make(1)
    topic = fleet.topics[0]
    kafka.produce(topic, some(20000, 14, 200, 200))
    fleet.start().settle()
    going = begin_replay(fleet, "--name", "fix", "--rate", 2000, "-X", "queued.min.messages=500")
    eventually(lambda: (offsets(fleet, topic)[0] or 0) > 500, what="some of it is stored")
    going.kill()
    stored = offsets(fleet, topic)[0]
    kafka.delete_records(topic, {0: 15000})
    done = replay(fleet, "--name", "fix", code=REFUSED)
    assert f"{15000 - stored} records" in done.stderr and f"offset {stored} " in done.stderr and "--discard fix" in done.stderr
    assert "viralctl accept" not in done.stderr
    done = replay(fleet, "--name", "new", "--from", "offset:100", "--discard", "fix")
    assert "14900 records below offset 15000 are no longer in Kafka" in done.stdout
    assert generation(fleet)[f"p:{topic}:0"].split() == ["15000", "20000", "14900", "0"]
    assert not fleet.alerts.exists("vir:replay:fix:alerts")


# ------------------------------------------------------------------------------------ refused

def test_what_is_in_the_way_is_refused(make, kafka):
    fleet = make(1)
    kafka.produce(fleet.topics[0], some(500, 15))
    fleet.start().settle()
    spare(fleet).set("vir:other", "1")
    assert "without a generation's name" in replay(fleet, code=REFUSED).stderr
    spare(fleet).set("session:1", "1")
    refused = replay(fleet, "--discard", "x", code=REFUSED).stderr
    assert "1 keys that are not virald's" in refused and "session:1" in refused
    spare(fleet).flushdb()
    assert "is live" in replay(fleet, "--name", "live", code=REFUSED).stderr
    assert "cannot name a generation" in replay(fleet, "--name", "a:b", code=REFUSED).stderr
    assert "three databases" in replay(fleet, "-s", "redis.spare_db=2", code=REFUSED).stderr
    assert "not among kafka.topics" in replay(fleet, "-t", "other", code=REFUSED).stderr
    assert not spare(fleet).dbsize()
    assert replay(fleet, "-s", "redis.url=unix:///nowhere", code=69).stderr
    fleet.live.config_set("maxmemory", fleet.live.info("memory")["used_memory"] + 100_000)
    assert "MiB more" in replay(fleet, code=REFUSED).stderr
    fleet.live.config_set("maxmemory", 0)
    name = re.search(r"generation (replay-\d{8}-\d{6}) is complete", replay(fleet).stdout)[1]
    assert spare(fleet).get("vir:generation") == name.encode()


# ------------------------------------------------------------------------------------ progress

def metrics(lock):
    with urllib.request.urlopen(f"http://127.0.0.1:{lock.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {m[1]: float(m[2]) for m in re.finditer(r"^(virald_replay_\w+) (\S+)", text, re.M)}


def test_it_slows_down_for_as_long_as_live_lags(make, kafka):
    """Live's word is written here: how many records wait for it, in views that are fresh."""
    fleet = make(2)
    kafka.produce(fleet.topics[0], some(60000, 19, 200, 500))
    fleet.start().settle()
    fleet.stop()
    waiting, over = [10_000_000], threading.Event()

    def tell():
        while not over.is_set():
            fleet.live.hset("vir:meta", mapping={"updated_ms": int(time.time() * 1000), "lag_records": waiting[0]})
            over.wait(0.05)
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    lock = PortLock()
    going = begin_replay(fleet, "--name", "fix", "-s", f"replay.listen=127.0.0.1:{lock.port}")
    eventually(lambda: metrics(lock)["virald_replay_allowed_events_per_second"] == 1000, what="as slow as it becomes",
               retry_on=(OSError, KeyError))
    found = metrics(lock)
    assert found["virald_replay_live_lag_seconds"] > 2 and found["virald_replay_complete"] == 0
    waiting[0] = 0
    eventually(lambda: metrics(lock)["virald_replay_allowed_events_per_second"] > 10_000 or not going.running, what="fast again",
               retry_on=(OSError, KeyError))
    assert wait_for(going) == 0
    over.set()
    teller.join()
    lock.release()


def test_progress_is_told_and_measured(make, kafka, closing):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(12000, 16, 200, 200))
    fleet.start().settle()
    lock = PortLock()
    going = begin_replay(fleet, "--name", "fix", "--rate", 3000, "--json", "-s", f"replay.listen=127.0.0.1:{lock.port}", "-s", "log.level=error")
    eventually(lambda: 0.1 < metrics(lock)["virald_replay_progress_ratio"] < 1, what="it tells how far it is", retry_on=(OSError, KeyError))
    found = metrics(lock)
    assert found["virald_replay_complete"] == 0 and found["virald_replay_remaining_records"] > 0
    assert found["virald_replay_allowed_events_per_second"] <= 3000 and found["virald_replay_event_time_seconds"] > 1e9
    assert wait_for(going) == 0
    lock.release()
    lines = [json.loads(line) for line in going.text().splitlines()]
    plan, *between, end = [line for line in lines if "kind" in line]
    assert plan["kind"] == "plan" and end == {**end, "kind": "end", "complete": True, "live": False, "events": 12000}
    told = [line for line in between if line["kind"] == "progress"]
    assert len(told) >= 2 and all(0 <= line["percent"] <= 100 for line in told)
    assert [line["percent"] for line in told] == sorted(line["percent"] for line in told)
    assert any(line.get("eta_s", 0) > 0 for line in told) and told[-1]["event_time_ms"] > told[0]["event_time_ms"]
