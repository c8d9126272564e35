# SPDX-License-Identifier: Apache-2.0
"""What happens when Kafka, Redis or an operator is not as it should be: nothing is skipped or counted twice in silence.

A partition that must not go on stands still and says why (`{vir:t:p}:stop`, `viralctl partitions`); viralctl accept is the way
on. A daemon that cannot work at all ends with 78 and says which setting or peer is wrong.
"""
import json
import time

import pytest

import events
from fleet import RULES, Fleet, viralctl
from virtest import Record, Redis, eventually

CONFIG = 78
STOP_S = 60.0
NO_ALERTS = ("fields", "windows", "contents")
QUIET = "groups:\n- name: g\n  rules:\n  - alert: Never\n    expr: shares_total < 0\n"


@pytest.fixture
def make(closing, kafka, redis_server, tmp_path):
    """make(partitions, ...) -> a fleet of one on a new topic."""
    def one(partitions=1, redis=None, topic=None, dlq=True, **more):
        if topic is None:
            topic = kafka.create_topic(partitions=partitions)
            if dlq:
                kafka.create_topic(topic + ".dlq")
        more = {"size": 1, "rules": QUIET, **more}
        return closing(Fleet(kafka, redis or redis_server, topic, tmp_path, **more))
    return one


def some(count, seed, prefix="", rate=50):
    """Records of `count` made-up events; the ids of contents begin with prefix."""
    made = events.simulated(count, seed, "--rate", rate, "--contents", 50)
    for event in made:
        event["content_id"] = prefix + event["content_id"]
    return [events.record(event) for event in made]


def wait_stop(fleet, why, partitions=(0,)):
    """Wait until these partitions stand still for that reason; the text of the first."""
    def standing():
        fleet.daemons[0].check()
        return all(fleet.stopped(p).get("err") == why for p in partitions) and fleet.stopped(partitions[0])["text"]
    return eventually(standing, STOP_S, f"{partitions} stopped: {why}; {[fleet.stopped(p) for p in partitions]}")


def accept(fleet, partition, way):
    viralctl("accept", f"{fleet.topics[0]}:{partition}", f"--{way}", "--yes", "-r", fleet.redis.url)
    eventually(lambda: not fleet.stopped(partition), STOP_S, "the decision is obeyed")


def ends_with_config(fleet, *words):
    """The daemon ends with 78, having said each of the words."""
    daemon = fleet.daemons[0].start(wait=False)
    assert daemon.wait(60) == CONFIG, daemon.log
    for word in words:
        assert word in daemon.log, daemon.log


# ------------------------------------------------------------------------------------- Redis

@pytest.mark.parametrize("while_running", [False, True])
def test_a_wiped_redis_is_not_a_first_start(make, kafka, while_running):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(2000, 1))
    fleet.start().settle()
    eventually(lambda: kafka.committed(f"g-{topic}", topic) == kafka.end_offsets(topic), what="the witness has it")
    if not while_running:
        fleet.stop()
    fleet.live.flushall()
    if not while_running:
        fleet.start()
    text = wait_stop(fleet, "state_lost", (0, 1))
    assert "--state-loss" in text and "committed" in text
    assert not fleet.live.exists(fleet.own(0)) and not list(fleet.live.scan_iter("vir:c:*"))
    assert "--state-loss" in viralctl("partitions", "-t", topic, "-b", kafka.bootstrap, "-r", fleet.redis.url, code=1)
    for partition in (0, 1):
        accept(fleet, partition, "state-loss")
    fleet.settle()
    fleet.check(need=NO_ALERTS)


def test_a_wiped_redis_is_folded_anew_where_the_operator_said_so_before(make, kafka):
    fleet = make(2, config={"kafka": {"on_missing_state": "rebuild"}})
    kafka.produce(fleet.topics[0], some(2000, 1))
    fleet.start().settle()
    fleet.live.flushall()
    fleet.settle()
    fleet.check(need=NO_ALERTS)


def test_a_content_whose_state_is_gone_stops_its_partition(make, kafka):
    fleet = make(1)
    kafka.produce(fleet.topics[0], some(1000, 2))
    fleet.start().settle()
    fleet.stop()
    lost = next(fleet.live.scan_iter(fleet.own(0, part="c:*")))
    fleet.live.delete(lost)
    fleet.start()
    assert "--rebuild" in wait_stop(fleet, "state_lost")
    accept(fleet, 0, "rebuild")
    fleet.settle()
    fleet.check(need=NO_ALERTS)


def before_the_states(text, first):
    """What is ranked came, and nothing else."""
    return first


def before_the_offset(text, first):
    """All of the cut came but the owner record."""
    return text.rindex(b"HSET\r\n", first, text.index(b"EXEC\r\n", first))


@pytest.mark.parametrize("torn,said", [(before_the_states, "state_lost"), (before_the_offset, "corrupt")])
def test_half_a_transaction_that_redis_replays_is_found(make, closing, kafka, torn, said):
    """Redis 7.0 keeps the beginning of a transaction that its append-only file was cut in; one start later it runs."""
    server = closing(Redis("torn", appendonly=True))
    fleet = make(1, redis=server)
    topic = fleet.topics[0]
    kafka.produce(topic, some(500, 25))
    fleet.start().settle()
    fleet.stop()
    before = server.mark()
    kafka.produce(topic, some(500, 26))
    fleet.start().settle()
    fleet.stop()
    text = server.aof.read_bytes()[before:]
    first = next(at for at in range(len(text)) if text.startswith(b"SET\r\n", at) and b":c:" in text[at:at + 60])
    server.lose_tail(to=before + torn(text, first) + 2, mend=False)
    assert fleet.offsets(topic) == {0: 500}
    server.client().transaction(lambda pipe: pipe.set("vir:x", 1).set("vir:x", 2))
    server.client().delete("vir:x")
    server.kill()
    server.start()
    fleet.start()
    assert "--rebuild" in wait_stop(fleet, said)
    accept(fleet, 0, "rebuild")
    fleet.settle()
    fleet.check(need=NO_ALERTS)
    warned = [line for line in fleet.daemons[0].log.splitlines() if "aof-load-truncated no" in line]
    assert warned and all("level=warn" in line for line in warned)


def test_a_redis_that_evicts_is_refused(make, closing):
    evicting = closing(Redis("evicting", config={"maxmemory-policy": "allkeys-lru", "maxmemory": "100mb"}))
    ends_with_config(make(redis=evicting), "allkeys-lru", "noeviction")
    allowed = make(redis=evicting, config={"redis": {"allow_eviction": True}})
    allowed.start()
    assert allowed.stop() == [0]


@pytest.mark.parametrize("secret,said", [(None, "NOAUTH"), ("wrong", "WRONGPASS")])
def test_a_password_that_is_missing_or_wrong(make, closing, tmp_path, secret, said):
    locked = closing(Redis("locked", password="right"))
    config = {"redis": {"url": f"unix://{locked.socket}"}}
    if secret:
        (tmp_path / "secret").write_text(secret)
        config["redis"]["password_file"] = str(tmp_path / "secret")
    ends_with_config(make(redis=locked, config=config), said, "password")


def test_a_user_that_may_not_enough(make, closing, tmp_path):
    server = closing(Redis("acl"))
    server.client().execute_command("ACL", "SETUSER", "v", "on", ">pw", "~*", "&*", "+@all", "-exec")
    (tmp_path / "secret").write_text("pw")
    config = {"redis": {"url": f"unix://{server.socket}", "user": "v", "password_file": str(tmp_path / "secret")}}
    ends_with_config(make(redis=server, config=config), "NOPERM", "exec")


# --------------------------------------------------------------------------------------- Kafka

def test_a_gap_stops_and_accept_goes_on(make, kafka):
    fleet = make(1)
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 3))
    fleet.start().settle()
    fleet.stop()
    kafka.produce(topic, some(1000, 4))
    records = fleet.logs()[topic, 0]
    kafka.delete_records(topic, {0: 1500})
    fleet.start()
    text = wait_stop(fleet, "gap")
    assert "500 records" in text and "--gap" in text
    assert fleet.offsets(topic) == {0: 1000}
    accept(fleet, 0, "gap")
    fleet.settle()
    fleet.check(fleet.fold({(topic, 0): [r for r in records if not 1000 <= r[0] < 1500]}), need=NO_ALERTS)


def test_a_gap_is_skipped_where_the_operator_said_so_before(make, kafka):
    fleet = make(1, config={"kafka": {"on_gap": "skip"}})
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 3))
    fleet.start().settle()
    fleet.stop()
    kafka.produce(topic, some(1000, 4))
    records = fleet.logs()[topic, 0]
    kafka.delete_records(topic, {0: 1700})
    fleet.start().settle()
    assert "700" in fleet.daemons[0].log
    fleet.check(fleet.fold({(topic, 0): [r for r in records if not 1000 <= r[0] < 1700]}), need=NO_ALERTS)


@pytest.mark.parametrize("more", [0, 500])
def test_what_retention_took_after_it_was_counted_is_no_gap(make, kafka, more):
    fleet = make(1)
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 5))
    fleet.start().settle()
    fleet.stop()
    records = fleet.logs()[topic, 0]
    kafka.delete_records(topic, {0: 1000})
    fleet.start()
    if more:
        kafka.produce(topic, some(more, 6))
    fleet.settle()
    records += [r for r in fleet.logs()[topic, 0] if r[0] >= 1000]
    fleet.check(fleet.fold({(topic, 0): records}), need=NO_ALERTS)


@pytest.mark.parametrize("count", [100, 3000])
def test_a_topic_made_anew_stops_and_is_folded_anew_when_accepted(make, kafka, count):
    """Shorter than the stored offset, and longer: the same offset is another record."""
    fleet = make(1)
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 7, "old-"))
    fleet.start().settle()
    fleet.stop()
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    kafka.produce(topic, some(count, 8, "new-"))
    fleet.start()
    assert "--from-log-start" in wait_stop(fleet, "truncated")
    assert fleet.offsets(topic) == {0: 1000}
    accept(fleet, 0, "from-log-start")
    fleet.settle()
    fleet.check(need=NO_ALERTS)


@pytest.mark.parametrize("count", [300, 4000])
def test_what_a_fold_anew_no_longer_knows_is_resolved_and_nobody_is_paged_again(make, kafka, count):
    """Also where the new log is shorter than the old one: what the old offsets had told means nothing in it."""
    bad = [Record(b"bad", events.REFUSED["decode"])]
    fleet = make(1, rules=RULES, config={"announce_history": False})
    topic = fleet.topics[0]
    fleet.start().settle()
    kafka.produce(topic, some(3000, 22, "old-"))
    fleet.settle()
    active = {key: json.loads(value) for key, value in fleet.alerts.hgetall("vir:alerts:active").items()}
    firing = {key for key, value in active.items() if value["state"] == "firing"}
    before = fleet.alerts.xlen("vir:alerts")
    assert firing and firing != set(active)
    fleet.stop()
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    kafka.produce(topic, [*some(count, 23, "new-"), *bad])
    fleet.start()
    wait_stop(fleet, "truncated")
    accept(fleet, 0, "from-log-start")
    fleet.settle()
    [partition] = fleet.fold()
    assert count < 1000 or (partition.alerts and partition.active)
    entries = [fields for _, fields in fleet.alerts.xrange("vir:alerts")][before:]
    assert {entry[b"id"] for entry in entries} == firing and len(entries) == len(firing)
    assert {(entry[b"state"], entry[b"reason"]) for entry in entries} == {(b"resolved", b"switch")}
    # What is pending there may fire later, and is then announced: it is known from now on. What fires there is history.
    pending = {key.encode() for key, alert in partition.active.items() if alert["state"] == "pending"}
    assert set(fleet.alerts.hgetall("vir:alerts:active")) == pending and (count < 1000 or pending)
    said = int(fleet.alerts.hget(fleet.own(0, part="said"), "off"))
    assert said == kafka.end_offsets(topic)[0]
    kafka.produce(topic, [*some(3000, 24, "newer-"), *bad])
    fleet.settle()
    assert {int(dict(letter.headers)["__connect.errors.offset"]) for letter in kafka.consume(topic + ".dlq")} == {count, count + 3001}
    fleet.alerts.xtrim("vir:alerts", maxlen=fleet.alerts.xlen("vir:alerts") - before - len(entries), approximate=False)
    for key in [key for key in fleet.alerts.scan_iter("vir:alert:*") if fleet.alerts.hget(key, "content_id").startswith(b"old-")]:
        fleet.alerts.delete(key)
    fleet.check(said={f"{topic}:0": said})


def test_a_partition_that_was_added_stops_alone(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 9))
    fleet.start().settle()
    kafka.add_partitions(topic, 3)
    moved = [record._replace(partition=2) for record in some(500, 10, "moved-")]
    kafka.produce(topic, moved + [record._replace(partition=0) for record in some(500, 11, "stayed-")])
    assert "--growth" in wait_stop(fleet, "growth", (2,))
    fleet.settle(but=(2,))
    accept(fleet, 2, "growth")
    fleet.settle()
    fleet.check(need=NO_ALERTS)


def test_a_compacted_topic_is_refused(make, kafka):
    topic = kafka.create_topic(config={"cleanup.policy": "compact"})
    ends_with_config(make(topic=topic), topic, "cleanup.policy")


def test_a_topic_that_is_not_there_is_refused(make):
    ends_with_config(make(topic="no-such-topic"), "no-such-topic")


def test_another_group_or_cluster_does_not_fence_for_ever(make, kafka):
    first = make(1)
    topic = first.topics[0]
    kafka.produce(topic, some(100, 12))
    first.start().settle()
    first.stop()
    ends_with_config(make(topic=topic, config={"kafka": {"group_id": "another"}}), "another", "redis.prefix")
    first.live.hset(first.own(0), "cluster_id", "elsewhere")
    ends_with_config(make(topic=topic), "elsewhere", "redis.prefix")


def test_a_record_from_the_future_is_refused_and_noted(make, kafka):
    topic = kafka.create_topic(config={"message.timestamp.after.max.ms": 2**63 - 1})
    kafka.create_topic(topic + ".dlq")
    fleet = make(topic=topic)
    future = int(time.time() * 1000) + 3 * 3600 * 1000
    bad = Record(b"early", events.protobuf(events.share("early")), timestamp=future)
    kafka.produce(topic, [*some(500, 13), bad, *some(500, 14)])
    fleet.start().settle()
    noted = fleet.live.lrange(fleet.own(0, part="refused"), 0, -1)
    assert noted == [b"500"]
    [letter] = kafka.consume(topic + ".dlq")
    headers = dict(letter.headers)
    assert headers["__connect.errors.exception.class.name"] == b"kafka_ahead"
    assert headers["virald.timestamp"] == str(future).encode() and letter.timestamp < future
    assert int(fleet.owner(0)["log_ms"]) < future
    assert not fleet.live.exists("vir:c:{early}")
    fleet.check(need=NO_ALERTS)


def test_without_a_dead_letter_topic_a_partition_waits_and_loses_nothing(make, kafka):
    fleet = make(1, dlq=False)
    topic = fleet.topics[0]
    bad = [Record(b"bad", events.REFUSED["decode"])]
    kafka.produce(topic, [*some(700, 15), *bad, *some(700, 16), *bad, *some(2000, 17)])
    fleet.start()
    eventually(lambda: ".dlq" in fleet.daemons[0].log or "dead" in fleet.daemons[0].log, STOP_S, "it says what it waits for")
    fleet.daemons[0].check()
    assert (fleet.offsets(topic)[0] or 0) <= 700
    kafka.create_topic(topic + ".dlq")
    fleet.settle()
    letters = kafka.consume(topic + ".dlq")
    assert {dict(letter.headers)["__connect.errors.offset"] for letter in letters} == {b"700", b"1401"}
    fleet.check(need=NO_ALERTS)


def test_contents_in_two_partitions_are_shown_by_one_and_said_aloud(make, kafka):
    fleet = make(2)
    topic = fleet.topics[0]
    both = [record._replace(partition=number % 2) for number, record in enumerate(some(3000, 18))]
    kafka.produce(topic, both)
    fleet.start().settle()
    partitions = fleet.fold()
    assert sum(len(p.contents) for p in partitions) > len(set().union(*(p.contents for p in partitions)))
    fleet.check(partitions, need=NO_ALERTS)
    counted = [value for name, value in fleet.daemons[0].metrics().items() if name.startswith("virald_miskeyed")]
    assert sum(counted) > 0 and "keyed" in fleet.daemons[0].log


# --------------------------------------------------------------------------------------- rules

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


def fold_with_rule_sets(fleet, logs):
    """The oracle takes up each set where the partition noted that it did."""
    sets = {b"1": fleet.rule_list(texts=[FIRST]), b"2": fleet.rule_list(texts=[SECOND])}
    out = []
    for (topic, number), records in sorted(logs.items()):
        noted = [tuple(entry.split(b" ")) for entry in fleet.live.lrange(fleet.own(number, topic, "rules"), 0, -1)]
        assert [no for no, _ in noted] == [b"1", b"2"], noted
        at = int(noted[1][1])
        [partition] = fleet.fold({(topic, number): [r for r in records if r[0] < at]}, rules=sets[b"1"])
        partition.set_rules(sets[b"2"])
        for record in records:
            if record[0] >= at:
                partition.record(*record)
        out.append(partition)
    return out


def test_rules_change_with_sighup_and_a_bad_file_changes_nothing(make, kafka):
    fleet = make(2, rules=FIRST)
    topic, daemon = fleet.topics[0], fleet.daemons[0]
    first = some(3000, 19)
    kafka.produce(topic, first)
    fleet.start().settle()
    fleet.write_rules(FIRST.replace(">= 10", ">> 10"))
    daemon.reload()
    assert f"{fleet.rules_file}:4:" in daemon.log and "the old ones go on" in daemon.log
    assert fleet.alerts.llen("vir:rules") == 1
    fleet.check(fleet.fold(rules=fleet.rule_list(texts=[FIRST])))
    fleet.write_rules(SECOND)
    daemon.reload()
    eventually(lambda: fleet.alerts.llen("vir:rules") == 2, what="the new set is the fleet's")
    eventually(lambda: all(fleet.live.llen(fleet.own(p, part="rules")) == 2 for p in (0, 1)), what="it is in force")
    kafka.produce(topic, some(3000, 20))
    fleet.settle()
    logs = fleet.logs()
    partitions = fold_with_rule_sets(fleet, logs)
    report = fleet.check(partitions)
    assert any(a["reason"] == "rule_removed" for p in partitions for a in p.alerts)
    assert report.counts["alerts"] > 10
    assert fleet.stop() == [0]
    fleet.start().settle()
    fleet.check(partitions)


def test_an_instance_with_other_files_says_so_and_follows_the_fleet(make, closing, kafka, tmp_path):
    fleet = make(2, rules=FIRST)
    topic = fleet.topics[0]
    kafka.produce(topic, some(1000, 21))
    fleet.start().settle()
    fleet.stop()
    fleet.write_rules(SECOND)
    fleet.start().settle()
    assert fleet.alerts.llen("vir:rules") == 2
    fleet.stop()
    fleet.write_rules(FIRST)
    fleet.start().settle()
    assert fleet.alerts.llen("vir:rules") == 2 and "SIGHUP" in fleet.daemons[0].log
    fleet.check(fold_with_rule_sets(fleet, fleet.logs()))
