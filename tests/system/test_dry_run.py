# SPDX-License-Identifier: Apache-2.0
"""`virald replay --dry-run` on real Kafka and Redis: what would change, and nothing is left of it."""
import json

import pytest

import events
from fleet import Fleet
from replays import begin_replay, generation, offsets, replay, spare, wait_for
from virtest import eventually
from test_switch import OTHER_RULES, REFUSED, Traffic, ctl, produce, virald

DIFFERS, BROKEN_OFF = 1, 75


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=2)
    kafka.create_topic(name + ".dlq", partitions=1)
    return name


@pytest.fixture
def fleet(closing, kafka, redis_server, topic, tmp_path):
    return closing(Fleet(kafka, redis_server, topic, tmp_path, size=1))


def shares(content, count, first=0):
    return [events.record(events.share(content, event_id=f"{content}-{n}", actor_id=f"a-{n}")) for n in range(first, first + count)]


def left(fleet):
    """What a dry run could have left: every key of the spare database, and those of replays among the alerts."""
    return sorted(spare(fleet).keys()), sorted(fleet.alerts.keys("vir:replay:*"))


NOTHING = ([], [])


def plan_and_rest(done):
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["kind"] == "plan" and lines[-1]["kind"] == "end"
    return lines[0], [line for line in lines[1:-1] if "what" in line], lines[-1]


# ------------------------------------------------------------------------------------ what it tells

def test_a_clean_history_has_no_difference(kafka, topic, fleet, closing):
    produce(kafka, topic, 6000, 1)
    fleet.start().settle()
    rules = fleet.alerts.lrange("vir:rules", 0, -1)
    done = replay(fleet, "--dry-run")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("generation dry-run-") and "6,000 offsets of 2 partitions" in lines[1] and "MiB" in lines[3], lines
    assert lines[-1] == "no difference" and "not compared" not in done.stdout and "broken off" not in done.stdout
    assert left(fleet) == NOTHING and fleet.alerts.lrange("vir:rules", 0, -1) == rules
    plan, rows, end = plan_and_rest(replay(fleet, "--dry-run", "--json"))
    assert [p["end"] - p["first"] for p in plan["partitions"]] == list(fleet.offsets(topic).values()) and plan["memory"]["needed_bytes"] > 0
    assert rows[-1]["no_difference"] and rows[-1]["contents"] > 50 and rows[-1]["alerts"] > 10 and len(rows) == 1
    assert end == {**end, "complete": True, "live": False, "events": 6000 - end["duplicates"]}
    traffic = closing(Traffic(kafka, topic, 500))
    done = replay(fleet, "--dry-run")
    traffic.stop()
    assert done.stdout.rstrip().endswith("no difference"), done.stdout
    assert left(fleet) == NOTHING
    fleet.settle()
    fleet.check()


def test_a_falsified_content_is_named_and_by_how_much_the_largest_first(kafka, topic, fleet):
    kafka.produce(topic, shares("a-bit", 30) + shares("a-lot", 30))
    produce(kafka, topic, 2000, 2)
    fleet.start().settle()
    parts = {name: int(fleet.live.hget(f"vir:c:{{{name}}}", "home").rsplit(b":", 1)[1]) for name in ("a-bit", "a-lot")}
    keys = {name: fleet.own(p, part=f"c:{name}") for name, p in parts.items()}
    old = {name: fleet.live.get(key) for name, key in keys.items()}
    kafka.produce(topic, shares("a-bit", 3, 30) + shares("a-lot", 17, 30))
    fleet.settle()
    fleet.stop()
    assert replay(fleet, "--dry-run").stdout.rstrip().endswith("no difference")
    for name, key in keys.items():
        fleet.live.set(key, old[name])
    _, rows, _ = plan_and_rest(replay(fleet, "--dry-run", "--json", code=DIFFERS))
    contents = [row for row in rows if row["what"] == "content"]
    assert [(row["id"], row["live"], row["replay"]) for row in contents] == [("a-lot", "30", "47"), ("a-bit", "30", "33")]
    assert rows[-1]["differing"] == 2 and not rows[-1]["no_difference"]
    text = replay(fleet, "--dry-run", "--limit", 1, code=DIFFERS).stdout
    row = next(line.split() for line in text.splitlines() if line.startswith("a-lot"))
    assert row[0] == "a-lot" and row[2:5] == ["30", "47", "17"] and "... and 1 more" in text and "a-bit" not in text
    assert left(fleet) == NOTHING


def test_with_other_rules_it_names_the_alerts_added_and_removed(kafka, topic, fleet, tmp_path):
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    other = tmp_path / "other.yaml"
    other.write_text(OTHER_RULES)
    _, rows, _ = plan_and_rest(replay(fleet, "--dry-run", "--json", "--limit", 0, "--rules", other, code=DIFFERS))
    named = {(row["what"], row["alertname"]) for row in rows if row["what"].startswith("alert ")}
    assert {("alert added", "Fast"), ("alert removed", "Fast"), ("alert added", "Steadier"), ("alert removed", "Steady")} <= named
    total = rows[-1]
    assert total["differing"] == 0 and total["channels_differing"] == 0
    assert sum(row["what"] == "alert added" for row in rows) == total["alerts_added"]
    assert fleet.alerts.llen("vir:rules") == 1 and left(fleet) == NOTHING


# ------------------------------------------------------------------------------------ nothing is left

def some_stored(fleet, topic, more_than=1000):
    eventually(lambda: sum(off or 0 for off in offsets(fleet, topic).values()) > more_than, what="some of it is stored")


@pytest.mark.parametrize("then", ["dry", "replay"])
def test_what_a_killed_one_left_is_thrown_away_by_the_next(kafka, topic, fleet, then):
    produce(kafka, topic, 20000, 3)
    fleet.start().settle()
    going = begin_replay(fleet, "--dry-run", "--name", "look", "--rate", 4000)
    some_stored(fleet, topic)
    assert "another process" in replay(fleet, "--name", "fix", code=BROKEN_OFF).stderr
    assert "another process" in replay(fleet, "--dry-run", code=BROKEN_OFF).stderr
    assert generation(fleet)["state"] == "dry"
    going.kill()
    assert "dry run" in virald(fleet, "switch", "look", "--wait", "1", code=REFUSED)
    if then == "dry":
        assert replay(fleet, "--dry-run").stdout.rstrip().endswith("no difference")
        assert left(fleet) == NOTHING
        return
    replay(fleet, "--name", "fix")
    assert spare(fleet).get("vir:generation") == b"fix" and not fleet.alerts.exists("vir:replay:look:alerts")
    assert ctl(fleet, "diff", "fix").rstrip().endswith("no difference")


def test_a_signal_leaves_nothing(kafka, topic, fleet):
    produce(kafka, topic, 20000, 4)
    fleet.start().settle()
    going = begin_replay(fleet, "--dry-run", "--rate", 4000)
    some_stored(fleet, topic)
    assert going.stop() == BROKEN_OFF
    assert "nothing is left" in going.text() and "virald replay --name" not in going.text()
    assert left(fleet) == NOTHING


def test_an_error_leaves_nothing(kafka, topic, fleet):
    """Retention takes what it has not read yet."""
    produce(kafka, topic, 20000, 5)
    fleet.start().settle()
    going = begin_replay(fleet, "--dry-run", "--rate", 1500, "-X", "queued.min.messages=500")
    some_stored(fleet, topic, 500)
    kafka.delete_records(topic, fleet.offsets(topic))
    assert wait_for(going) != 0
    assert "records" in going.text() and "virald replay --name" not in going.text()
    assert left(fleet) == NOTHING


def test_where_it_cannot_be_it_says_the_bounds_and_what_to_do(kafka, topic, fleet):
    produce(kafka, topic, 3000, 6)
    fleet.start().settle()
    fleet.live.config_set("maxmemory", fleet.live.info("memory")["used_memory"] + 100_000)
    done = replay(fleet, "--dry-run", code=REFUSED)
    assert "3,000 offsets of 2 partitions" in done.stdout and "MiB more" in done.stderr and "maxmemory" in done.stderr
    fleet.live.config_set("maxmemory", 0)
    replay(fleet, "--name", "fix")
    before = left(fleet), generation(fleet)
    for args in ((), ("--name", "fix"), ("--discard", "fix"), ("--name", "other", "--discard", "fix")):
        done = replay(fleet, "--dry-run", *args, code=REFUSED)
        assert "3,000 offsets of 2 partitions" in done.stdout
        assert "viralctl diff fix" in done.stderr and "virald replay --discard fix" in done.stderr
    assert (left(fleet), generation(fleet)) == before
