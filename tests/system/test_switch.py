# SPDX-License-Identifier: Apache-2.0
"""A shadow generation becomes live, and the one before comes back, while events go on and somebody reads all the time."""
import json
import subprocess
import threading
import time

import pytest

import events
from fleet import RULES, Fleet, viralctl
from replays import begin_replay, entries, generation, replay, spare, wait_for
from virtest import Process, eventually
from virtest.daemon import binary

PARTITIONS = 4
REFUSED = 78
OTHER_RULES = RULES.replace('shares{window="1m"} >= 8', 'shares{window="1m"} >= 6').replace("alert: Steady", "alert: Steadier")


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=PARTITIONS)
    kafka.create_topic(name + ".dlq", partitions=1)
    return name


@pytest.fixture
def make(closing, kafka, redis_server, topic, tmp_path):
    def build(redis=None, **more):
        return closing(Fleet(kafka, redis or redis_server, topic, tmp_path, **more))
    return build


@pytest.fixture
def fleet(make):
    return make()


def argv(fleet, *args):
    daemon = fleet.daemons[0]
    daemon.write_config()
    return [binary("virald"), *map(str, args), "--config", daemon.config_file]


def virald(fleet, *args, code=0):
    """Run virald; its output and what it said."""
    done = subprocess.run(argv(fleet, *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def ctl(fleet, *args, code=0):
    fleet.daemons[0].write_config()
    return viralctl(*args, "--config", fleet.daemons[0].config_file, code=code)


def produce(kafka, topic, count, seed, rate=100):
    kafka.produce(topic, events.mixed(events.simulated(count, seed, "--rate", rate, "--contents", 120, "--duplicates", 0.05), seed))


class Background:
    """Does it again and again in a thread of its own, until stopped; what went wrong is raised then."""

    def __init__(self):
        self.error, self.rounds = None, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.is_set():
                self.step()
                self.rounds += 1
        except Exception as e:  # noqa: BLE001
            self.error = e

    def stop(self):
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error
        return self.rounds

    close = stop


class Traffic(Background):
    def __init__(self, kafka, topic, seed):
        self.kafka, self.topic, self.seed = kafka, topic, seed
        super().__init__()

    def step(self):
        self.seed += 1
        produce(self.kafka, self.topic, 200, self.seed)


class Reader(Background):
    """Polls as a dashboard does, by MULTI: whatever is read together is of one generation."""

    def __init__(self, fleet):
        self.client = fleet.redis.client(0)
        self.own = [fleet.own(p) for p in range(PARTITIONS)]
        self.seen = []
        super().__init__()

    def step(self):
        with self.client.pipeline(transaction=True) as pipe:
            pipe.get("vir:generation").hget("vir:meta", "generation").hget("vir:meta", "state")
            for key in self.own:
                pipe.hmget(key, "generation", "off")
            name, shown, state, *owners = pipe.execute()
        name = (name or b"live").decode()
        assert {owner[0].decode() for owner in owners} == {name}, (name, owners)
        assert shown is None or shown.decode() == name, (name, shown)
        assert state in (b"live", b"degraded"), state
        if not self.seen or self.seen[-1] != name:
            self.seen.append(name)


def told_once(fleet):
    """Every alert that was announced, each state once; every firing that is over has one end. At any moment: read at once."""
    with fleet.alerts.pipeline(transaction=True) as pipe:
        stream, shown = pipe.xrange("vir:alerts").hgetall("vir:alerts:active").execute()
    told = [(f[b"id"], f[b"state"]) for _, f in stream]
    assert len(told) == len(set(told)), sorted(t for t in told if told.count(t) > 1)
    firing, over = {i for i, s in told if s == b"firing"}, {i for i, s in told if s == b"resolved"}
    assert over <= firing
    active = {i for i, text in shown.items() if json.loads(text)["state"] == "firing"}
    assert firing - over == active
    return len(told)


def ended_by_switch(fleet):
    return {f[b"alertname"] for _, f in fleet.alerts.xrange("vir:alerts") if f[b"reason"] == b"switch"}


def restarts(fleet):
    return [daemon.pid for daemon in fleet.daemons]


# ---------------------------------------------------------------- there and back

def test_traffic_goes_on_and_readers_see_whole_generations(kafka, topic, fleet, closing):
    produce(kafka, topic, 6000, 1)
    fleet.start().settle()
    pids = restarts(fleet)
    reader, traffic = closing(Reader(fleet)), closing(Traffic(kafka, topic, 1000))
    out = replay(fleet, "--name", "fix", "--switch").stdout
    assert "fix is live" in out
    assert "nothing was done" in virald(fleet, "switch", "fix")
    assert generation(fleet)["state"] == "retired"
    assert "live is live" in virald(fleet, "switch", "--undo")
    assert "fix is live" in virald(fleet, "switch", "--undo")
    assert traffic.stop() > 0
    fleet.settle()
    assert reader.stop() > 50 and reader.seen == ["live", "fix", "live", "fix"]
    fleet.check()
    assert told_once(fleet) > 20
    assert restarts(fleet) == pids and fleet.live.hget("vir:meta", "generation") == b"fix"
    assert fleet.stop() == [0, 0]


def test_an_old_generation_is_brought_up_to_live_before_it_comes_back(kafka, topic, make):
    fleet = make(config={"replay": {"switch_max_lag": 0}})
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix", "--switch")
    produce(kafka, topic, 3000, 2)
    fleet.settle()
    assert "generation live is live" in virald(fleet, "switch", "--undo")
    fleet.settle()
    fleet.check()
    told_once(fleet)
    assert fleet.live.get("vir:generation") == b"live"


def test_a_shadow_that_is_left_alone_is_brought_up_to_live(kafka, topic, make):
    fleet = make(config={"replay": {"switch_max_lag": 10}})
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix")
    produce(kafka, topic, 3000, 2)
    fleet.settle()
    assert "fix is live" in virald(fleet, "switch", "fix")
    fleet.settle()
    fleet.check()
    told_once(fleet)


def test_other_rules_come_and_go_with_their_generation(kafka, topic, fleet, tmp_path):
    produce(kafka, topic, 5000, 1)
    fleet.start().settle()
    before = fleet.check().counts["alerts"]
    other = tmp_path / "other.yaml"
    other.write_text(OTHER_RULES)
    replay(fleet, "--name", "new-rules", "--rules", other, "--switch")
    eventually(lambda: fleet.live.hget(fleet.own(0), "rules") == b"2", 30, "its rules are the fleet's second set")
    assert fleet.alerts.llen("vir:rules") == 2
    eventually(lambda: ended_by_switch(fleet), 30, "alerts of rules that are gone have ended")
    assert ended_by_switch(fleet) <= {b"Steady", b"Fast"}
    told_once(fleet)
    produce(kafka, topic, 3000, 2)
    fleet.settle()
    told_once(fleet)
    assert {f[b"alertname"] for _, f in fleet.alerts.xrange("vir:alerts")} >= {b"Steadier"}
    virald(fleet, "switch", "--undo")
    eventually(lambda: fleet.live.hget(fleet.own(0), "rules") == b"3", 30, "the rules of before are the third set")
    produce(kafka, topic, 3000, 3)
    fleet.settle()
    assert told_once(fleet) > before


@pytest.mark.parametrize("given", ["those in force", "others"])
def test_rules_come_back_with_all_that_judged_before_them(kafka, topic, make, tmp_path, given):
    fleet = make(config={"replay": {"switch_max_lag": 0}})
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    fleet.write_rules(OTHER_RULES)
    for daemon in fleet.daemons:
        daemon.reload()
    eventually(lambda: all(fleet.live.llen(fleet.own(p, part="rules")) == 2 for p in range(PARTITIONS)), 30, "both sets have judged")
    produce(kafka, topic, 3000, 2)
    fleet.settle()
    said, noted = entries(fleet.alerts, "vir:alerts"), [fleet.live.lrange(fleet.own(p, part="rules"), 0, -1) for p in range(PARTITIONS)]
    other = tmp_path / "other.yaml"
    other.write_text(OTHER_RULES if given == "those in force" else RULES.replace("alert: Deep", "alert: Deeper"))
    replay(fleet, "--name", "new-rules", "--rules", other, "--switch")
    produce(kafka, topic, 500, 3)
    fleet.settle()
    assert "live is live" in virald(fleet, "switch", "--undo")
    fleet.settle()
    assert told_once(fleet) > 20
    again = [fleet.live.lrange(fleet.own(p, part="rules"), 0, -1) for p in range(PARTITIONS)]
    assert [now[:2] for now in again] == noted and {len(now) for now in again} == {2 if given == "those in force" else 3}
    replay(fleet, "--name", "same", "--discard", "new-rules")
    found = entries(fleet.alerts, "vir:replay:same:alerts")
    assert {of: found[of][:len(said[of])] for of in said} == said
    assert ctl(fleet, "diff", "same").rstrip().endswith("no difference")


# ---------------------------------------------------------------- faults around it

@pytest.mark.parametrize("round_", range(3))
def test_kill_9_of_live_and_of_the_switch(kafka, topic, fleet, closing, round_):
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix")
    reader, traffic = closing(Reader(fleet)), closing(Traffic(kafka, topic, 2000 * (1 + round_)))
    for turn, args in enumerate((["switch", "fix"], ["switch", "--undo"], ["switch", "--undo"])):
        process = Process("switch", argv(fleet, *args))
        time.sleep(0.02 * (1 + turn + 3 * round_))     # not a wait: where it is then, is chance
        process.kill()
        daemon = fleet.daemons[turn % len(fleet.daemons)]
        daemon.kill()
        daemon.start(wait=False)
    traffic.stop()
    for daemon in fleet.daemons:
        daemon.wait_ready()
    fleet.settle()
    fleet.check()
    told_once(fleet)
    reader.stop()
    virald(fleet, "switch", "--undo" if generation(fleet)["state"] == "retired" else "fix")
    fleet.settle()
    fleet.check()
    told_once(fleet)


def test_a_stopped_partition_goes_on_from_what_is_switched_to(kafka, topic, fleet):
    """Redis lost everything: the documented way back."""
    produce(kafka, topic, 5000, 1)
    fleet.start().settle()
    partitions = fleet.fold()
    fleet.redis.client().flushall()
    eventually(lambda: all(fleet.stopped(p) for p in range(PARTITIONS)), 60, "every partition stands")
    said = replay(fleet, "--name", "again", "--switch", code=REFUSED).stderr
    assert "--accept-state-loss" in said
    replay(fleet, "--name", "again", "--from", "earliest", "--to", "live", "--switch", "--accept-state-loss")
    fleet.settle()
    said = {f"{topic}:{p}": end for p, end in kafka.end_offsets(topic).items()}
    fleet.check(partitions, said=said, need=("fields", "windows"))
    assert fleet.alerts.xlen("vir:alerts") == 0
    produce(kafka, topic, 2000, 2)
    fleet.settle()
    fleet.check(said=said)
    told_once(fleet)


# ---------------------------------------------------------------- what is refused

def test_each_refusal_says_what_to_do_and_changes_nothing(kafka, topic, fleet):
    produce(kafka, topic, 3000, 1)
    fleet.start().settle()
    assert "holds no generation" in virald(fleet, "switch", "fix", code=REFUSED)
    assert "nothing to undo" in virald(fleet, "switch", "--undo", code=REFUSED)
    replay(fleet, "--name", "fix")
    assert "holds generation fix" in virald(fleet, "switch", "other", code=REFUSED)
    assert "was not live before" in virald(fleet, "switch", "--undo", code=REFUSED)

    fleet.live.set("somebody:else", "1")
    assert "somebody:else" in virald(fleet, "switch", "fix", code=REFUSED)
    fleet.live.delete("somebody:else")
    spare(fleet).set("mine", "1")
    assert "not virald's" in virald(fleet, "switch", "fix", code=REFUSED)
    spare(fleet).delete("mine")

    own = spare(fleet).dump(fleet.own(1))
    spare(fleet).delete(fleet.own(1))
    assert f"no partition {topic}:1" in virald(fleet, "switch", "fix", code=REFUSED)
    spare(fleet).restore(fleet.own(1), 0, own)

    fleet.redis.client().execute_command("ACL SETUSER default -swapdb")
    try:
        assert "virald.acl" in virald(fleet, "switch", "fix", code=REFUSED)
    finally:
        fleet.redis.client().execute_command("ACL SETUSER default +@all")
    fleet.redis.client().config_set("maxmemory", 1)
    try:
        assert "maxmemory" in virald(fleet, "switch", "fix", "--wait", 0, code=69)
    finally:
        fleet.redis.client().config_set("maxmemory", 0)

    same_db = virald(fleet, "switch", "fix", "--set", "redis.spare_db=0", code=REFUSED)
    assert "three databases" in same_db
    assert fleet.live.get("vir:generation") in (None, b"live")
    fleet.check()


def test_a_shorter_history_is_told_with_what_it_would_cost(kafka, topic, fleet):
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    half = min(kafka.end_offsets(topic).values()) // 2
    replay(fleet, "--name", "short", "--from", f"offset:{half}")
    said = virald(fleet, "switch", "short", code=REFUSED)
    assert "contents" in said and "shares" in said and "--accept-shorter-history" in said
    lost = int(said.split(" contents")[0].split(" ")[-1])
    assert lost > 10
    virald(fleet, "switch", "short", "--accept-shorter-history")
    eventually(lambda: fleet.live.get("vir:generation") == b"short", 10, "it is live")


def test_two_replays_at_once_are_refused(kafka, topic, fleet):
    produce(kafka, topic, 20000, 1)
    fleet.start().settle()
    first = begin_replay(fleet, "--name", "fix", "--rate", 2000)
    eventually(lambda: generation(fleet).get("runner"), 60, "the first one runs")
    try:
        replay(fleet, "--name", "fix", code=75)
        refused = replay(fleet, "--name", "other", code=REFUSED)
        assert "fix" in refused.stderr
    finally:
        first.kill()
    assert wait_for(first) != 0


# ---------------------------------------------------------------- what differs

def test_diff_and_audit_of_a_clean_history(kafka, topic, fleet, closing):
    produce(kafka, topic, 6000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix")
    out = ctl(fleet, "diff", "fix")
    assert out.rstrip().endswith("no difference") and "not compared" not in out
    found = ctl(fleet, "alerts", "--replay", "fix", "-n", "1000", "--json").splitlines()
    said = ctl(fleet, "alerts", "-n", "1000", "--json").splitlines()
    assert found and {(json.loads(line)["id"], json.loads(line)["state"]) for line in found} == {
        (json.loads(line)["id"], json.loads(line)["state"]) for line in said}
    replay(fleet, "--discard", "fix", "--name", "gone")
    assert ctl(fleet, "alerts", "--replay", "fix", "--json") == ""
    assert "difference" not in ctl(fleet, "audit", "--virald", binary("virald"), code=REFUSED)
    assert spare(fleet).get("vir:generation") == b"gone"
    spare(fleet).flushdb()
    traffic = closing(Traffic(kafka, topic, 500))
    out = ctl(fleet, "audit", "--virald", binary("virald"))
    traffic.stop()
    assert out.rstrip().endswith("no difference"), out
    assert spare(fleet).dbsize() == 0


def test_a_diff_names_what_differs_the_largest_first(kafka, topic, fleet):
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix")
    shadow = spare(fleet)
    gone = shadow.zrange(fleet.own(0, part="idx"), 0, 0)[0].decode()
    shadow.delete(fleet.own(0, part=f"c:{gone}"))
    shadow.zrem(fleet.own(0, part="idx"), gone)
    entry, fields = fleet.alerts.xrange("vir:replay:fix:alerts", count=1)[0]
    fleet.alerts.xdel("vir:replay:fix:alerts", entry)
    fields = {**fields, b"id": b"f" * 32}
    fleet.alerts.xadd("vir:replay:fix:alerts", fields)
    rows = [json.loads(line) for line in ctl(fleet, "diff", "fix", "--json", "--wait", "0s", code=1).splitlines()]
    assert {"what": "content", "id": gone} == {k: rows[0][k] for k in ("what", "id")} and rows[0]["replay"] == "-"
    total = rows[-1]
    assert total["what"] == "sum" and not total["no_difference"] and total["only_live"] == 1 and total["differing"] == 1
    assert (total["alerts_added"], total["alerts_removed"]) == (1, 1)


def test_a_diff_reads_what_people_are_shown(kafka, topic, fleet):
    produce(kafka, topic, 3000, 1)
    fleet.start().settle()
    replay(fleet, "--name", "fix")
    assert ctl(fleet, "diff", "fix").rstrip().endswith("no difference")
    key = max((key for key in fleet.live.scan_iter("vir:c:{*}")), key=lambda key: int(fleet.live.hget(key, "shares_total") or 0))
    true = int(fleet.live.hincrby(key, "shares_total", 1000)) - 1000
    row, total = (json.loads(line) for line in ctl(fleet, "diff", "fix", "--json", "--wait", "0s", code=1).splitlines())
    assert key.decode() == f"vir:c:{{{row['id']}}}" and total["differing"] == 1 and total["channels_differing"] == 0
    assert (row["field"], row["live"], row["replay"], row["fields"]) == ("shown shares_total", f"{true + 1000}", f"{true}", 1)
    fleet.live.hdel(key, "shares_total")
    assert '"live":"-"' in ctl(fleet, "diff", "fix", "--json", "--wait", "0s", code=1)


def test_a_diff_against_other_rules_lists_the_alerts(kafka, topic, fleet, tmp_path):
    produce(kafka, topic, 4000, 1)
    fleet.start().settle()
    other = tmp_path / "other.yaml"
    other.write_text(OTHER_RULES)
    replay(fleet, "--name", "try", "--rules", other)
    out = ctl(fleet, "diff", "try", code=1)
    assert "added" in out and "removed" in out and "Steadier" in out
    total = json.loads(ctl(fleet, "diff", "try", "--json", code=1).splitlines()[-1])
    assert total["differing"] == 0 and total["channels_differing"] == 0
    assert total["alerts_added"] > 0 and total["alerts_removed"] > 0
