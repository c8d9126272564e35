# SPDX-License-Identifier: Apache-2.0
"""`virald backtest` prints exactly what a live run with the same rules says: ids, times, states, all fields.

Live runs are of their own Redis each; the backtests have none. What --against prints is the difference of two live runs.
"""
import collections
import json
import os
import pty
import subprocess
import time

import pytest

import events
from fleet import RULES, Fleet, viralctl
from test_recorded import DATA, files
from test_recorded import RULES as RECORDED
from virtest import Record, Redis
from virtest.daemon import binary

PARTITIONS = 4
HOUR = 3600 * 1000
FAR = 24 * HOUR		# the longest window
TRY_S = 300

# One rule as it was, one with another bound, one with another `for`, one gone, one new, one that ends otherwise.
NEW = """\
groups:
- name: tried
  rules:
  - alert: Fast
    expr: shares{window="1m"} >= 6
    reset_expr: shares{window="1m"} < 4
    labels: {severity: page}
    annotations: {summary: "{{ $labels.title }} runs: {{ $value }} over {{ $threshold }}"}
  - alert: Steady
    expr: shares{window="5m"} > 5 and unique_sharers > 3
    for: 1m
    labels: {severity: warning}
  - alert: Deep
    expr: mean_depth > 1.5 and shares_total >= 10
  - alert: Liked
    expr: likes{window="5m"} > 3
    reset_expr: likes{window="1m"} < 1
"""
RECORDED_NEW = RECORDED.replace('shares{window="5m"} > 50', 'shares{window="5m"} > 40').replace("for: 5m", "for: 2m")


# ---------------------------------------------------------------- the two ways

def live(closing, kafka, topic, folder, rules, name, config=None):
    """What a daemon says of the whole topic: {partition: [fields]}, in order."""
    folder = folder / name
    folder.mkdir()
    own = {"kafka": {"group_id": f"{name}-{topic}"}, **(config or {})}
    fleet = closing(Fleet(kafka, closing(Redis(name)), topic, folder, rules=rules, size=1, config=own))
    fleet.start().settle(timeout=TRY_S)
    said = collections.defaultdict(list)
    for _, entry in fleet.alerts.xrange("vir:alerts"):
        alert = {key.decode(): value.decode() for key, value in entry.items()}
        said[int(alert["partition"])].append(alert)
    assert fleet.stop() == [0]
    return said


def backtest(kafka, topic, folder, *args, code=0, config=None):
    """(standard output, standard error)"""
    path = folder / "backtest.yaml"
    path.write_text(json.dumps({"kafka": {"brokers": kafka.bootstrap, "topics": [topic]}, "redis": {"url": "unix:///nowhere"}, **(config or {})}))
    done = subprocess.run([binary("virald"), "backtest", "--config", path, *map(str, args)], capture_output=True, text=True,
                          timeout=TRY_S, check=False, env=dict(os.environ))
    assert done.returncode == code, (done.returncode, done.stderr)
    return done.stdout, done.stderr


def tried(kafka, topic, folder, rules, *args, against=None):
    """The lines of --json: {kind: [line]}."""
    (folder / "new.yaml").write_text(rules)
    more = []
    if against is not None:
        (folder / "old.yaml").write_text(against)
        more = ["--against", folder / "old.yaml"]
    out, _ = backtest(kafka, topic, folder, "--rules", folder / "new.yaml", *more, "--json", *args)
    lines = collections.defaultdict(list)
    for line in out.splitlines():
        found = json.loads(line)
        lines[found["kind"]].append(found)
    return lines


def as_said(alert):
    """An alert of a line with its fields as the stream has them."""
    return {name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            for name, value in alert.items()}


def plain(alert):
    """Numbers and objects by value, for they may be written in more than one way."""
    out = dict(alert)
    for name in ("value", "threshold"):
        out[name] = float(out[name]) if out[name] not in ("", "null", "NaN") else None
    for name in ("labels", "annotations"):
        out[name] = json.loads(out[name] or "{}")
    return out


def check_equal(lines, said, rules="new"):
    """Every state of every alert, in the order of its partition; how many."""
    found = collections.defaultdict(list)
    for line in lines["alert"]:
        if line["rules"] == rules:
            found[line["alert"]["partition"]].append(plain(as_said(line["alert"])))
    assert sorted(found) == sorted(said)
    for partition, entries in said.items():
        assert found[partition] == [plain(entry) for entry in entries], partition
    return sum(map(len, said.values()))


# ---------------------------------------------------------------- the difference of two live runs

Alert = collections.namedtuple("Alert", "fired ends id")


def alerts_of(said):
    """{(rule, content): [Alert]} in order of time; ends 0: none."""
    fired, ends = {}, {}
    for entry in (entry for entries in said.values() for entry in entries):
        if entry["state"] == "firing":
            fired[entry["id"]] = entry
        else:
            ends[entry["id"]] = int(entry["ends_ms"])
    out = collections.defaultdict(list)
    for key, entry in fired.items():
        out[entry["alertname"], entry["content_id"]].append(Alert(int(entry["updated_ms"]), ends.get(key, 0), key))
    return {key: sorted(alerts) for key, alerts in out.items()}


def pairs(old, new):
    """[(old or None, new or None)]: equal moments first, between them the nearest in order."""
    same = [(o, n) for o in old for n in new if o.fired == n.fired]
    out, at_old, at_new = list(same), 0, 0
    for o, n in [*same, (None, None)]:
        end_old, end_new = (old.index(o), new.index(n)) if o else (len(old), len(new))
        out += nearest(old[at_old:end_old], new[at_new:end_new])
        at_old, at_new = end_old + 1, end_new + 1
    return out


def nearest(old, new):
    old, new, out = list(old), list(new), []
    while old and new:
        o, n = old[0], new[0]
        by = abs(o.fired - n.fired)
        ahead, rest, other = (old, old[1:], n) if o.fired < n.fired else (new, new[1:], o)
        if by > FAR or (rest and abs(rest[0].fired - other.fired) < by):
            out.append((o, None) if ahead is old else (None, n))
            ahead.pop(0)
        else:
            out.append((old.pop(0), new.pop(0)))
    return out + [(o, None) for o in old] + [(None, n) for n in new]


def difference(old, new):
    """{kind: set}"""
    out = {"added": set(), "removed": set(), "shifted": set(), "unchanged": 0}
    for key in old.keys() | new.keys():
        for o, n in pairs(old.get(key, []), new.get(key, [])):
            if o is None:
                out["added"].add(n.id)
            elif n is None:
                out["removed"].add(o.id)
            elif (o.fired, o.ends) == (n.fired, n.ends):
                out["unchanged"] += 1
            else:
                out["shifted"].add((o.id, n.id, n.fired - o.fired, n.ends - o.ends if n.ends and o.ends else None))
    return out


def printed(lines):
    return {
        "added": {line["new"]["id"] for line in lines["added"]},
        "removed": {line["old"]["id"] for line in lines["removed"]},
        "shifted": {(line["old"]["id"], line["new"]["id"], line["start_by_ms"], line.get("end_by_ms")) for line in lines["shifted"]},
        "unchanged": lines["summary"][0]["unchanged"],
    }


def check_difference(lines, old, new, need=()):
    expected = difference(alerts_of(old), alerts_of(new))
    assert printed(lines) == expected
    empty = [kind for kind in need if not expected[kind]]
    assert not empty, f"nothing {empty}: the test would not see it"
    summary = lines["summary"][0]
    assert (summary["added"], summary["removed"], summary["shifted"]) == tuple(len(expected[k]) for k in ("added", "removed", "shifted"))


# ---------------------------------------------------------------- made-up events

def produce_all(kafka, topic):
    """Every format; bad, late and duplicate records, some of the future by Kafka's own time, tombstones, and a transaction
    that is aborted after each one that is not. How many the clock refuses."""
    made = events.simulated(20000, 51, "--rate", 20, "--contents", 120, "--life", "20m", "--duplicates", 0.05, "--late", 0.05)
    bad = [record for _, record in events.refused(80, 52)]
    future = [events.record(event, timestamp=int(time.time() * 1000) + 3 * HOUR) for event in made[::500]]
    tombs = [Record(f"gone-{n}".encode(), None) for n in range(20)]
    records = events.mixed(made, 53)
    for number, others in enumerate((bad, future, tombs)):
        records = events.spread(records, others, 54 + number)
    producer = kafka.producer(transactional_id=topic)
    producer.init_transactions(60)
    step = len(records) // 7 + 1
    for at in range(0, len(records), step):
        producer.begin_transaction()
        kafka.produce(topic, records[at:at + step], producer)
        producer.commit_transaction(60)
        abort(kafka, producer, topic, records[at:at + step // 4])
    # A daemon's stored offset is behind a record, not behind a marker.
    kafka.produce(topic, [Record(b"end", None, partition=partition) for partition in range(PARTITIONS)])
    return len(future), len(bad), lambda: abort(kafka, producer, topic, records[:200])


def abort(kafka, producer, topic, records):
    producer.begin_transaction()
    kafka.produce(topic, records, producer)
    producer.abort_transaction(60)


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=PARTITIONS, config={"message.timestamp.after.max.ms": 2**63 - 1})
    kafka.create_topic(name + ".dlq")
    return name


def test_alerts_are_those_of_a_live_run_and_differences_those_of_two(closing, kafka, topic, tmp_path):
    ahead, bad, abort_more = produce_all(kafka, topic)
    old, new = (live(closing, kafka, topic, tmp_path, rules, name) for rules, name in ((RULES, "old"), (NEW, "new")))
    abort_more()
    lines = tried(kafka, topic, tmp_path, NEW, against=RULES)
    assert check_equal(lines, new) > 100
    assert check_equal(lines, old, "old") > 100
    check_difference(lines, old, new, ("added", "removed", "shifted", "unchanged"))
    summary = lines["summary"][0]
    assert summary["refused"] == ahead + bad and summary["late"] > 0 and summary["duplicates"] > 0 and summary["miskeyed"] == 0
    assert summary["alerts"] == sum(hour["alerts"] for hour in lines["hour"])
    assert summary["before"] == sum(hour["before"] for hour in lines["hour"])
    alone = tried(kafka, topic, tmp_path, NEW)
    check_equal(alone, new)
    assert not alone["added"] and "before" not in alone["summary"][0]
    same = tried(kafka, topic, tmp_path, NEW, against=NEW)["summary"][0]
    assert (same["added"], same["removed"], same["shifted"], same["unchanged"]) == (0, 0, 0, same["alerts"])


def test_other_settings_are_those_of_the_configuration(closing, kafka, topic, tmp_path):
    config = {"windows": "1m 5m 2h", "dedup_window": "20s", "retention": "2h"}
    made = events.simulated(6000, 61, "--rate", 20, "--contents", 60, "--life", "20m", "--duplicates", 0.2, "--late", 0.05)
    kafka.produce(topic, events.mixed(made, 62))
    said = live(closing, kafka, topic, tmp_path, NEW, "short", config)
    (tmp_path / "rules.yaml").write_text(NEW)
    out, _ = backtest(kafka, topic, tmp_path, "--rules", tmp_path / "rules.yaml", "--json", config=config)
    lines = [json.loads(line) for line in out.splitlines()]
    assert check_equal({"alert": [line for line in lines if line["kind"] == "alert"]}, said) > 20
    other, _ = backtest(kafka, topic, tmp_path, "--rules", tmp_path / "rules.yaml", "--json")
    assert json.loads(other.splitlines()[-1])["duplicates"] > lines[-1]["duplicates"]


def moved(made, now, by):
    """Events of another time, as records of that time."""
    times = ("event_time", "parent_event_time")
    return [events.record({name: events.ms_of(value) + by if name in times else value for name, value in event.items()},
                          timestamp=now + by) for event in made]


def test_a_span_begins_as_a_live_run_that_starts_there(closing, kafka, topic, tmp_path):
    made = events.simulated(6000, 71, "--rate", 20, "--contents", 60, "--life", "20m")
    now = int(time.time() * 1000)
    kafka.produce(topic, moved(made[:2000], now, -2 * HOUR))
    kafka.produce(topic, moved(made[2000:4000], now, -HOUR))
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now - 3 * HOUR // 2) / 1000))
    said = live(closing, kafka, topic, tmp_path, NEW, "later", {"kafka": {"group_id": "later-" + topic, "start": start}})
    kafka.produce(topic, moved(made[4000:], now, 0))
    lines = tried(kafka, topic, tmp_path, NEW, "--from", start, "--to", now - HOUR // 2)
    assert check_equal(lines, said) > 10
    assert lines["summary"][0]["records"] == 2000
    every = tried(kafka, topic, tmp_path, NEW)["summary"][0]
    assert every["records"] == 6000 and every["alerts"] > lines["summary"][0]["alerts"]


# ---------------------------------------------------------------- recorded

@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data sets in {DATA} (VIRALITY_DATA)")
def test_a_new_rule_on_the_higgs_set(closing, kafka, tmp_path):
    topic = kafka.create_topic(partitions=6)
    kafka.create_topic(topic + ".dlq")
    viralctl("import", "--no-progress", "-b", kafka.bootstrap, "-t", topic, *files("higgs"))
    old, new = (live(closing, kafka, topic, tmp_path, rules, name) for rules, name in ((RECORDED, "old"), (RECORDED_NEW, "new")))
    lines = tried(kafka, topic, tmp_path, RECORDED_NEW, against=RECORDED)
    assert check_equal(lines, new) > 500
    check_equal(lines, old, "old")
    check_difference(lines, old, new, ("added", "shifted", "unchanged"))


# ---------------------------------------------------------------- what people see

def test_the_page_for_people(kafka, topic, tmp_path):
    made = events.simulated(6000, 81, "--rate", 20, "--contents", 40, "--life", "20m")
    kafka.produce(topic, events.mixed(made, 82))
    (tmp_path / "new.yaml").write_text(NEW)
    (tmp_path / "old.yaml").write_text(RULES)
    both = ["--rules", tmp_path / "new.yaml", "--against", tmp_path / "old.yaml"]
    out, err = backtest(kafka, topic, tmp_path, *both, "--limit", 3)
    lines = tried(kafka, topic, tmp_path, NEW, against=RULES)
    summary = lines["summary"][0]
    assert all(": warning: Taken " in line for line in err.splitlines())
    assert not set(out) & set("\033\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588")
    for kind in ("added", "removed", "shifted"):
        assert f"\n{kind}: {summary[kind]}" in out
        shown = out.split(f"\n{kind}: ")[1].split("\n\n")[0].splitlines()
        assert len(shown) == min(summary[kind], 3) + (2 if summary[kind] else 1)
    rows = [line.split() for line in out.splitlines() if line.split()[:1] == ["Liked"]]
    assert rows[0][2:5] == ["0", rows[0][1], "0"], rows		# before, added, removed: the rule is new
    hours = [line.split() for line in out.split("alerts per rule and hour")[1].split("\n\n")[0].splitlines()[2:]]
    counts = sorted((max(hour["alerts"], hour["before"]) for hour in lines["hour"]), reverse=True)
    assert sorted((max(int(hour[3]), int(hour[4])) for hour in hours), reverse=True) == counts[:3]
    whole, _ = backtest(kafka, topic, tmp_path, *both, "--limit", 0)
    assert len(whole.splitlines()) > len(out.splitlines()) and "--limit" not in whole


def on_a_terminal(*argv):
    """All that a program says to a terminal."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}
    with subprocess.Popen([str(arg) for arg in argv], stdout=slave, stderr=slave, stdin=slave, env=env) as program:
        os.close(slave)
        said = b""
        try:
            while part := os.read(master, 65536):
                said += part
        except OSError:		# its end has gone
            pass
        os.close(master)
        assert program.wait(TRY_S) == 0, said
    return said.decode()


def test_a_terminal_gets_a_picture(kafka, topic, tmp_path):
    made = events.simulated(3000, 83, "--rate", 20, "--contents", 20, "--life", "20m")
    kafka.produce(topic, events.mixed(made, 84))
    (tmp_path / "new.yaml").write_text(NEW)
    said = on_a_terminal(binary("virald"), "backtest", "-c", "/dev/null", "-s", f"kafka.brokers={kafka.bootstrap}", "-t", topic,
                         "--rules", tmp_path / "new.yaml")
    rows = [line for line in said.splitlines() if line.startswith("Fast ")]
    assert set(rows[0].split()[-1]) <= set("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"), rows
    assert "\033[1mrule" in said


def test_what_is_wrong_is_said(kafka, topic, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("groups:\n- name: g\n  rules:\n  - alert: Bad\n    expr: shares{window=\"7m\"} >\n  - alert: 5x\n    expr: nothing > 1\n")
    good = tmp_path / "good.yaml"
    good.write_text(NEW)
    check = subprocess.run([binary("viralctl"), "rules", "check", str(bad)], capture_output=True, text=True, check=False)
    out, err = backtest(kafka, topic, tmp_path, "--rules", bad, code=78)
    assert not out and err == check.stderr and err.count("\n") >= 2
    assert backtest(kafka, topic, tmp_path, "--rules", good, "--against", bad, code=78)[1] == check.stderr
    falls = tmp_path / "falls.yaml"
    falls.write_text("groups: [{name: g, rules: [{alert: Falls, expr: 'shares{window=\"5m\"} < 2'}]}]\n")
    check = subprocess.run([binary("viralctl"), "rules", "check", "-q", str(falls)], capture_output=True, text=True, check=False)
    assert check.stderr and check.stderr in backtest(kafka, topic, tmp_path, "--rules", falls)[1]
    assert "--from" in backtest(kafka, topic, tmp_path, "--rules", good, "--from", "yesterday", code=64)[1]
    assert "--rules" in backtest(kafka, topic, tmp_path, code=64)[1]
    assert "not-there" in backtest(kafka, topic, tmp_path, "--rules", good, "-t", "not-there", code=78)[1]
    backtest(kafka, topic, tmp_path, "--rules", good, "-s", "kafka.brokers=127.0.0.1:1", code=69)


def test_a_content_of_two_partitions_and_a_gap_are_told(kafka, topic, tmp_path):
    made = events.simulated(3000, 91, "--rate", 20, "--contents", 10, "--life", "20m")
    kafka.produce(topic, [events.record(event, partition=number % 2) for number, event in enumerate(made)])
    (tmp_path / "new.yaml").write_text(NEW)
    out, err = backtest(kafka, topic, tmp_path, "--rules", tmp_path / "new.yaml", "--json")
    alerts = [json.loads(line)["alert"] for line in out.splitlines() if '"kind":"alert"' in line]
    assert alerts and {alert["partition"] for alert in alerts} == {0} and "another partition" in err
    kafka.delete_records(topic, {0: 100})
    out, err = backtest(kafka, topic, tmp_path, "--rules", tmp_path / "new.yaml", "--json", "--from", "offset:0")
    assert json.loads(out.splitlines()[-1])["offsets_lost"] == 100 and "100 offsets" in err
