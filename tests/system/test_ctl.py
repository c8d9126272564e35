# SPDX-License-Identifier: Apache-2.0
"""viralctl as people and scripts use it: exit codes, import of recorded sets, simulation, what it shows and decides."""
import calendar
import collections
import csv
import gzip
import json
import os
import pathlib
import pty
import signal
import subprocess
import time

import pytest

from virtest import Process, eventually
from virtest.daemon import binary
from virtest.scratch import REPO

DATA = pathlib.Path(os.environ.get("VR_DATA") or REPO.parent / "shared" / "data")
RELATIVE_MS = 1500000000000
ACTIONS = {"share": "SHARE", "reply": "COMMENT", "mention": "MENTION", "share_total": "SHARE"}
DEAD = "127.0.0.1:1"


def ctl(*args, code=0, stdin=None, env=None):
    """Run viralctl; its standard output as text. The exit code must be `code`."""
    done = subprocess.run([binary("viralctl"), *map(str, args)], capture_output=True, input=stdin, timeout=300,
                          env={**os.environ, **(env or {})})
    assert done.returncode == code, done.stderr.decode(errors="replace")
    done.stderr = done.stderr.decode()
    return done.stdout.decode(), done.stderr


class Running(Process):
    """A viralctl that goes on until it is told."""

    def __init__(self, name, *args):
        super().__init__(name, [binary("viralctl"), *map(str, args)])

    close = Process.kill


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


# ------------------------------------------------------------------------------------------------ usage

@pytest.mark.parametrize("code,args,said", [
    (64, [], "Usage"),
    (64, ["imprt"], "did you mean import"),
    (64, ["import"], "import what"),
    (64, ["import", "--topik", "x", "f"], "did you mean --topic"),
    (64, ["import", "--speed", "fast", "f"], "--speed"),
    (64, ["import", "--json", "f"], "--dry-run"),
    (64, ["import", "-X", "acks=1", "f"], "acks may not be set"),
    (64, ["simulate", "--fast"], "--events"),
    (64, ["simulate", "--rate", "0"], "--rate"),
    (64, ["get", "content"], "one name"),
    (64, ["get", "nothing"], "Expected content"),
    (64, ["accept", "t:1"], "exactly one thing"),
    (64, ["accept", "t:1", "--gap", "--rebuild"], "exactly one thing"),
    (64, ["accept", "t", "--gap"], "TOPIC:PARTITION"),
    (64, ["rules"], "rules check"),
    (65, ["import", "--dry-run", "-"], "standard input:1:"),
    (66, ["import", "--dry-run", "/nonexistent/file"], "/nonexistent/file"),
    (69, ["import", "-b", DEAD, "/dev/null"], DEAD),
    (69, ["get", "all", "-r", f"redis://{DEAD}"], DEAD),
    (69, ["partitions", "--no-kafka", "-r", f"redis://{DEAD}"], DEAD),
    (69, ["alerts", "-r", f"redis://{DEAD}"], DEAD),
    (78, ["get", "all", "--set", "kafka.brokrs=x"], "kafka.brokrs"),
    (78, ["get", "all", "--config", "/nonexistent.yaml"], "/nonexistent.yaml"),
])
def test_every_failure_has_its_exit_code_and_says_why(code, args, said):
    out, err = ctl(*args, code=code, stdin=b"{}")
    assert said in err
    assert out == ""


def test_help_and_version():
    out, _ = ctl("--help")
    commands = [line.split()[0] for line in out.splitlines() if line.startswith("  ") and line[2] != " "]
    commands = [word for word in commands if word != "viralctl"]
    assert commands == ["get", "alerts", "diff", "audit", "partitions", "accept", "rules", "import", "simulate"]
    for command in commands:
        assert f"viralctl {command}" in ctl(command, "--help")[0]
    versions = dict(line.split(" ", 1) for line in ctl("--version")[0].splitlines())
    assert set(versions) == {"viralctl", "librdkafka", "hiredis", "jansson", "zlib"}
    assert all(text[0].isdigit() for text in versions.values())


# ----------------------------------------------------------------------------------------------- import

def recorded(name):
    plain = DATA / name / "events.ndjson"
    if plain.exists():
        return plain
    return DATA / name / "events.ndjson.gz"


def lines_of(name):
    path = recorded(name)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        for line in file:
            yield json.loads(line)


def expected(name):
    """What design.md section 5 makes of a set, in the order of the file: a second reading of the same words."""
    lines = list(lines_of(name))
    by_id = {line["id"]: line for line in lines if "id" in line}
    shift = RELATIVE_MS if name in ("news", "auspol") else 0

    def depth(line):
        steps = 0
        while line["kind"] != "post":
            parent = line.get("parent")
            if parent is None:
                return steps + 1
            if parent not in by_id:
                return 0
            line, steps = by_id[parent], steps + 1
        return steps

    for line in lines:
        if line["kind"] == "post" or line.get("delta") == 0:
            continue
        parent = line.get("parent")
        is_post = parent in by_id and by_id[parent]["kind"] == "post"
        yield {
            "ms": line["ts"] + shift,
            "action": ACTIONS[line["kind"]],
            "content_id": line["content"],
            "event_id": line.get("id"),
            "parent_event_id": None if is_post else parent,
            "actor_id": line.get("user"),
            "channel": line["channel"],
            "audience_size": line.get("reach") or None,
            "count": line.get("delta", 1),
            "depth": depth(line) if parent else 0,
        }


def ms_of(text):
    whole, fraction = text.rstrip("Z").split(".")
    return int(time_of(whole)) * 1000 + int(fraction)


def time_of(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def as_expected(event):
    keys = ("action", "content_id", "event_id", "parent_event_id", "actor_id", "channel", "audience_size")
    got = {key: event.get(key) for key in keys}
    # proto3 JSON writes 64-bit numbers as text; either is fine.
    got["audience_size"] = int(got["audience_size"]) if got["audience_size"] is not None else None
    return {**got, "ms": ms_of(event["event_time"]), "count": event.get("count", 1), "depth": event.get("depth", 0)}


needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data sets are not at hand (VR_DATA)")


@needs_data
@pytest.mark.parametrize("name", ["twitter1516", "higgs", "german2021", "news", "auspol"])
def test_import_maps_a_recorded_set_event_by_event(name):
    out, err = ctl("import", "--dry-run", "--json", recorded(name))
    got = [as_expected(event) for event in json_lines(out)]
    want = sorted(expected(name), key=lambda event: event["ms"])
    assert len(got) == len(want) > 1000
    assert got == want
    assert f"{len(want)} of {len(want)} events" in err


@needs_data
def test_import_of_two_sets_has_exactly_the_events_of_the_readme():
    out, _ = ctl("import", "--dry-run", "--json", recorded("twitter1516"), recorded("higgs"))
    kinds, times, contents, depths = collections.Counter(), [], collections.defaultdict(collections.Counter), {}
    for event in json_lines(out):
        kinds[event["action"]] += 1
        times.append(event["event_time"])
        contents[event["content_id"]][event["action"]] += 1
        depths[event["content_id"]] = max(depths.get(event["content_id"], 0), event.get("depth", 0))
    # README.md of the data: shares, replies and mentions of both sets.
    assert kinds == {"SHARE": 399272 + 354930, "COMMENT": 36824 + 36902, "MENTION": 171237}
    assert times == sorted(times)
    for name in ("twitter1516", "higgs"):
        with open(DATA / name / "contents.csv") as file:
            for row in csv.DictReader(file):
                counts = contents[row["content"]]
                assert [counts["SHARE"], counts["COMMENT"], counts["MENTION"]] == \
                    [int(row[key] or 0) for key in ("shares", "replies", "mentions")], row["content"]
                if name == "twitter1516":
                    assert depths[row["content"]] == int(row["max_depth"]), row["content"]


SMALL = b"".join(json.dumps(line).encode() + b"\n" for line in [
    {"ts": 1600000000000, "kind": "post", "content": "A", "id": "A", "user": "u0", "channel": "x"},
    {"ts": 1600000001000, "kind": "share", "content": "A", "id": "1", "parent": "A", "user": "u1", "channel": "x"},
    {"ts": 1600000001000, "kind": "share", "content": "B", "id": "2", "user": "u2", "channel": "y", "reach": 3},
    {"ts": 1600000002000, "kind": "reply", "content": "A", "id": "3", "parent": "1", "user": "u3", "channel": "x"},
])


@pytest.mark.parametrize("wire", ["protobuf", "json"])
def test_import_sends_every_event_keyed_by_its_content(kafka, tmp_path, wire):
    path = tmp_path / "events.ndjson"
    path.write_bytes(SMALL)
    topic = kafka.create_topic(partitions=3)
    _, err = ctl("import", "-b", kafka.bootstrap, "-t", topic, "--format", wire, path)
    assert f"3 of 3 events stored in {topic}" in err
    records = kafka.consume(topic)
    assert sorted(record.key for record in records) == [b"A", b"A", b"B"]
    assert len({record.partition for record in records if record.key == b"A"}) == 1
    assert all((record.value[:1] == b"{") == (wire == "json") for record in records)
    assert all(record.timestamp > 1700000000000 for record in records)
    if wire == "json":
        shown = json_lines(ctl("import", "--dry-run", "--json", path)[0])
        assert sorted((json.loads(record.value) for record in records), key=lambda e: e["event_id"]) == \
            sorted(shown, key=lambda e: e["event_id"])


def test_import_refuses_a_topic_that_is_not_there(kafka, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_bytes(SMALL)
    _, err = ctl("import", "-b", kafka.bootstrap, "-t", "no-such-topic", path, code=78)
    assert "no-such-topic" in err


def test_a_bad_line_stops_an_import_before_anything_is_sent(kafka, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_bytes(SMALL + b'{"ts":1600000003000,"kind":"like","content":"A"}\n')
    topic = kafka.create_topic()
    _, err = ctl("import", "-b", kafka.bootstrap, "-t", topic, path, code=65)
    assert "events.ndjson:5:21: " in err
    assert kafka.end_offsets(topic) == {0: 0}


def test_import_at_a_speed_takes_its_time_and_can_be_interrupted(closing, kafka, tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_bytes(SMALL.replace(b"1600000002000", b"1600999999000"))
    topic = kafka.create_topic()
    run = closing(Running("import", "import", "--speed", "1", "-b", kafka.bootstrap, "-t", topic, path))
    eventually(lambda: kafka.end_offsets(topic) == {0: 2}, what="what is due at once is there")
    run.send(signal.SIGINT)
    assert run.wait() == 1
    assert "2 of 3 events" in run.text() and "stopped before the end" in run.text()
    assert kafka.end_offsets(topic) == {0: 2}


# --------------------------------------------------------------------------------------------- simulate

STEADY = ("--fast", "--events", "5000", "--start", "2026-01-01T00:00:00Z", "--json")


def test_one_seed_is_one_stream():
    first, _ = ctl("simulate", "--seed", "7", *STEADY)
    assert first == ctl("simulate", "--seed", "7", *STEADY)[0]
    assert first != ctl("simulate", "--seed", "8", *STEADY)[0]
    events = json_lines(first)
    assert len(events) == 5000 and events[0]["event_time"].startswith("2026-01-01T00:00:00")
    assert {event["action"] for event in events} >= {"IMPRESSION", "VIEW", "SHARE", "LIKE", "SHARE_INTENT"}


def test_simulate_fills_a_topic(kafka):
    topic = kafka.create_topic(partitions=4)
    ctl("simulate", "-b", kafka.bootstrap, "-t", topic, "--fast", "--events", 20000, "--contents", 1000, "--zipf", 1.05)
    assert sum(kafka.end_offsets(topic).values()) == 20000
    assert all(kafka.end_offsets(topic).values())


def test_simulate_goes_on_until_interrupted(closing, kafka):
    topic = kafka.create_topic()
    run = closing(Running("simulate", "simulate", "--rate", 200, "--steady", "-b", kafka.bootstrap, "-t", topic))
    eventually(lambda: kafka.end_offsets(topic)[0] > 100, what="events come")
    run.send(signal.SIGTERM)
    assert run.wait() == 0
    assert kafka.end_offsets(topic)[0] > 100


# ------------------------------------------------------------------------------------------- get, alerts

EVIL = "nice\x1b[2Jtitle\u202e"


@pytest.fixture
def counted(redis_server):
    """A Redis as virald leaves it, by the words of CONTRACT.md."""
    live, alerts = redis_server.client(0), redis_server.client(2)
    live.hset("vir:c:{77}", mapping={
        "content_id": "77", "title": EVIL, "channel_top": "weibo", "home": "t:0", "first_ms": 1600000000000,
        "last_ms": 1600000060000, "as_of_ms": 1600000060000, "shares_total": 1234, "shares_5m": 12, "likes_total": 5,
        "mean_depth": "1.500000", "share_velocity": "2.000000", "unique_sharers": 9})
    live.hset("vir:c:{77}:channels", mapping={"weibo": 1000, "qq": 234})
    live.hset("vir:c:{77}:info", mapping={"title": EVIL + " in full", "url": "https://example.org/x", "author_id": "a"})
    live.hset("vir:ch:{weibo}", mapping={"shares_total": 1000, "as_of_ms": 1600000060000, "partial": 1})
    live.hset("vir:all", mapping={"shares_total": 1234, "as_of_ms": 1600000060000})
    live.zadd("vir:top:5m", {"77": 12, "unknown": 3})
    live.zadd("vir:top:5m:ch:{weibo}", {"77": 8})
    for number in range(3):
        alerts.xadd("vir:alerts", alert(number))
    return redis_server


def alert(number, state="firing"):
    return {"id": f"{number:032x}", "alertname": "Fast", "severity": "page", "state": state, "step": 0,
            "entity": "content:77", "content_id": "77", "channel": "weibo", "title": EVIL, "value": 512,
            "threshold": 500, "starts_ms": 1600000000000, "ends_ms": 0, "updated_ms": 1600000000000 + number,
            "topic": "t", "partition": 0, "offset": number, "rule_version": "0000000000000012", "replay": 0,
            "reason": "", "labels": '{"severity":"page"}', "annotations": "{}"}


def test_get_as_json_keeps_names_and_types(counted):
    redis = ("-r", counted.url)
    [content] = json_lines(ctl("get", "content", "77", "--json", *redis)[0])
    assert content["content_id"] == "77" and content["shares_total"] == 1234 and content["mean_depth"] == 1.5
    assert content["title"] == EVIL and content["channels"] == {"weibo": 1000, "qq": 234}
    assert content["info"]["url"] == "https://example.org/x"
    assert json_lines(ctl("get", "all", "--json", *redis)[0]) == [{"shares_total": 1234, "as_of_ms": 1600000060000}]
    top = json_lines(ctl("get", "top", "--json", *redis)[0])
    assert top[0] == {"rank": 1, "content_id": "77", "shares": 12, "title": EVIL, "channel_top": "weibo",
                      "shares_total": 1234, "share_velocity": 2.0}
    assert top[1] == {"rank": 2, "content_id": "unknown", "shares": 3}
    assert [row["shares"] for row in json_lines(ctl("get", "top", "-C", "weibo", "--json", *redis)[0])] == [8]


def test_get_for_people_shows_the_figures_and_no_control_characters(counted):
    redis = ("-r", counted.url)
    shown = [ctl("get", *what, *redis)[0] for what in
             (["content", "77"], ["channel", "weibo"], ["all"], ["top"], ["top", "--window", "1h"])]
    assert "1,234" in shown[0] and "in full" in shown[0] and "https://example.org/x" in shown[0]
    assert "partial" in shown[1] and "partial" not in shown[2]
    assert "unknown" in shown[3] and shown[4] == ""
    for text in shown:
        assert "\x1b" not in text and "\u202e" not in text
    assert "\\x1b[2J" in shown[0] and "\\u{202e}" in shown[0]


def test_get_says_no_when_there_is_nothing(counted):
    redis = ("-r", counted.url)
    assert "nobody" in ctl("get", "content", "nobody", *redis, code=1)[1]
    assert ctl("get", "channel", "nobody", *redis, code=1)[0] == ""
    assert "1m 5m 1h 24h" in ctl("get", "top", "--window", "7m", *redis, code=64)[1]


def on_a_terminal(args, env=None):
    """What viralctl writes when its output is a terminal."""
    master, slave = pty.openpty()
    run = subprocess.Popen([binary("viralctl"), *args], stdin=slave, stdout=slave, stderr=slave,
                           env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(slave)
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(master)
    assert run.wait(60) == 0
    return text.decode()


def test_colour_is_for_terminals_that_want_it(counted):
    get = ["get", "content", "77", "-r", counted.url]
    assert "\x1b[1m" in on_a_terminal(get)
    assert "\x1b" not in on_a_terminal(get, {"NO_COLOR": "1"})
    assert "\x1b" not in on_a_terminal(get, {"TERM": "dumb"})
    assert "\x1b[2J" not in on_a_terminal(get)
    assert "\x1b" not in on_a_terminal(["get", "content", "77", "--json", "-r", counted.url]).replace("\\u001b", "")


def test_progress_is_a_bar_on_a_terminal_only(tmp_path):
    path = tmp_path / "events.ndjson"
    with open(path, "w") as file:
        for number in range(60000):
            file.write(json.dumps({"ts": 1600000000000 + number, "kind": "share", "content": "A"}) + "\n")
    text = on_a_terminal(["import", "--dry-run", str(path)])
    assert "[#" in text and "%" in text and "reading" in text
    assert "[#" not in ctl("import", "--dry-run", path)[1]
    assert ctl("import", "--dry-run", "--no-progress", path) == ("", "")


def test_alerts_come_oldest_first_and_only_so_many(counted):
    alerts = json_lines(ctl("alerts", "--json", "-r", counted.url)[0])
    assert [entry["offset"] for entry in alerts] == [0, 1, 2]
    assert alerts[0]["labels"] == {"severity": "page"} and alerts[0]["rule_version"] == "0000000000000012"
    assert alerts[0]["stream_id"].count("-") == 1 and alerts[0]["value"] == 512
    assert len(ctl("alerts", "-n", "2", "-r", counted.url)[0].splitlines()) == 2
    text = ctl("alerts", "-r", counted.url)[0]
    assert "firing" in text and "512 against 500" in text and "\x1b" not in text


def test_alerts_follow_what_comes_and_survive_a_restart_of_redis(closing, redis_server):
    redis_server.client(2).xadd("vir:alerts", alert(0))
    redis_server.client(2).save()
    run = closing(Running("alerts", "alerts", "--follow", "--json", "-n", "0", "-r", redis_server.url))

    def offsets():
        return [json.loads(line)["offset"] for line in run.text().splitlines() if line.startswith("{")]

    def say(number):
        if not offsets():
            redis_server.client(2).xadd("vir:alerts", alert(number))
        return offsets()[:1]

    # The follower may have looked before or after the first of these: one of them is the first it sees.
    first = eventually(lambda: say(1), what="an alert is followed")[0]
    assert first == 1
    redis_server.client(2).save()
    redis_server.kill()
    eventually(lambda: "trying again" in run.text(), what="the loss is said")
    redis_server.start()
    eventually(lambda: "redis is back" in run.text(), what="the return is said")
    redis_server.client(2).xadd("vir:alerts", alert(2, "resolved"))
    eventually(lambda: offsets()[-1] == 2, what="it goes on")
    run.send(signal.SIGINT)
    assert run.wait() == 0


# ------------------------------------------------------------------------------------ partitions, accept

@pytest.fixture
def stopped(kafka, redis_server):
    """A topic of three partitions: one runs, one stands, one was never begun."""
    topic = kafka.create_topic(partitions=3)
    kafka.produce(topic, [(b"k", b"v", 0)] * 10)
    live = redis_server.client(0)
    live.hset(f"vir:{topic}:begin", mapping={"0": 0, "1": 0, "2": 0})
    live.hset(f"{{vir:{topic}:0}}:own", mapping={"format": 1, "token": "0123456789abcdef" * 2, "seq": 4, "off": 7,
                                                 "base_offset": 0, "stream_ms": 1600000000000, "complete": 1})
    live.hset(f"{{vir:{topic}:1}}:own", mapping={"format": 1, "token": "f" * 32, "seq": 1, "off": 5, "complete": 0})
    live.hset(f"{{vir:{topic}:1}}:stop", mapping={"err": "gap", "text": "12 records are gone", "offset": 5,
                                                  "since_ms": 1600000000000})
    return kafka, redis_server, topic


def test_partitions_shows_owner_lag_and_why_one_stands(stopped):
    kafka, redis, topic = stopped
    where = ("-b", kafka.bootstrap, "-r", redis.url, "-t", topic)
    rows = json_lines(ctl("partitions", "--json", *where, code=1)[0])
    assert [(row["partition"], row["state"], row.get("offset"), row["end"], row.get("lag")) for row in rows] == [
        (0, "running", 7, 10, 3), (1, "stopped", 5, 0, 0), (2, "never started", None, 0, None)]
    assert rows[1]["stop"]["text"] == "12 records are gone"
    text = ctl("partitions", *where, code=1)[0]
    assert "01234567 " in text and "0123456789" not in text and "12 records are gone" in text
    redis.client(0).delete(f"{{vir:{topic}:1}}:stop")
    assert "loading" in ctl("partitions", *where)[0]


def test_partitions_does_without_kafka(stopped):
    _, redis, topic = stopped
    out, err = ctl("partitions", "--json", "-b", DEAD, "-r", redis.url, "-t", topic, code=1)
    assert "Kafka" in err
    assert [row.get("offset") for row in json_lines(out)] == [7, 5, None]
    assert all("end" not in row and "lag" not in row for row in json_lines(out))


def test_accept_writes_down_what_was_decided_and_by_whom(stopped):
    _, redis, topic = stopped
    key = f"{{vir:{topic}:1}}:accept"
    _, err = ctl("accept", f"{topic}:1", "--gap", "--yes", "-r", redis.url, env={"SUDO_USER": "ann"})
    assert "12 records are gone" in err and "in no count" in err
    decision = redis.client(0, decode=True).hgetall(key)
    assert decision["what"] == "gap" and decision["by"].startswith("ann@") and int(decision["at_ms"]) > 1700000000000
    assert set(decision) == {"what", "by", "at_ms"}


def test_accept_takes_only_what_fits(stopped):
    _, redis, topic = stopped
    where = ("-r", redis.url)
    assert "not stopped" in ctl("accept", f"{topic}:0", "--gap", "--yes", *where, code=1)[1]
    _, err = ctl("accept", f"{topic}:1", "--growth", "--yes", *where, code=1)
    assert "--gap" in err and "--from-log-start" in err
    assert "--yes" in ctl("accept", f"{topic}:1", "--gap", *where, code=64)[1]
    assert not redis.client(0).exists(f"{{vir:{topic}:1}}:accept")


# ------------------------------------------------------------------------------------------------ rules

GOOD = """groups:
- name: g
  rules:
  - alert: Fast
    on: content
    expr: shares{window="5m"} > 500
"""


def test_rules_check_shows_every_mistake_with_its_place(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("> 500", ">> 500") + GOOD.split("rules:\n")[1].replace("5m", "7m").replace("Fast", "F2"))
    assert "1 rule in 1 file: fine" in ctl("rules", "check", good)[0]
    _, err = ctl("rules", "check", good, bad, code=1)
    assert "bad.yaml:6:" in err and "bad.yaml:9:" in err
    assert ctl("rules", "check", "-q", good)[0] == ""
    assert "/nonexistent.yaml" in ctl("rules", "check", "/nonexistent.yaml", code=1)[1]
