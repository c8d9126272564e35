# SPDX-License-Identifier: Apache-2.0
"""Recorded data sets, imported as an operator does it, through several daemons: every key is what the oracle says.

A replay of what they have consumed shows the same, with the same alerts: by the oracle, and by the word of `viralctl diff`.
The folder of the sets: VIRALITY_DATA, else ../shared/data beside the checkout. VR_SHUFFLE_SEED runs a shuffle again.
"""
import gzip
import json
import os
import pathlib
import random
import zlib

import pytest

import events
from fleet import Fleet, viralctl
from replays import check_generation, compared_by_diff, replay, same_alerts
from virtest.scratch import REPO

DATA = pathlib.Path(os.environ.get("VIRALITY_DATA") or REPO.parent / "shared" / "data")
PARTITIONS = 12
SEED = int(os.environ.get("VR_SHUFFLE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
PARTS = {"twitter1516": 30, "higgs": 30, "german2021": 4, "news": 4, "auspol": 1}
SHOWN = ("fields", "windows", "alerts", "contents", "board_rows")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data sets in {DATA} (VIRALITY_DATA)")

RULES = """\
groups:
- name: recorded
  rules:
  - alert: Hot
    expr: shares{window="5m"} > 50
    reset_expr: shares{window="5m"} < 10
    labels: {severity: page}
  - alert: Wide
    expr: unique_sharers > 40 and shares{window="1h"} > 20 and mean_depth > 1
    for: 5m
  - alert: Talked
    expr: comments{window="1h"} + mentions{window="1h"} > 5
    for: 1m
  - alert: Grown
    expr: shares_total > 100
"""


def files(*names):
    return [next(path for path in (DATA / name / "events.ndjson", DATA / name / "events.ndjson.gz") if path.exists()) for name in names]


def check_replay(fleet, partitions):
    """The spare database is the fold, too, and whoever compares it with live finds nothing. How fast is not asked here."""
    replay(fleet, "--name", "again", "-s", "replay.max_redis_latency=1m", "-s", "replay.max_live_lag=1h")
    check_generation(fleet, "again", partitions)
    alerts = same_alerts(fleet, "again")
    total = compared_by_diff(fleet, "again")
    assert total["contents"] == sum(len(p.contents) for p in partitions) and total["partitions"] == PARTITIONS
    assert total["fields"] > 10 * total["contents"] and total["channels"] > 1 and total["alerts"] == alerts > 0
    return alerts


def check_sets(fleet, names, need):
    kafka, topic = fleet.kafka, fleet.topics[0]
    viralctl("import", "--no-progress", "-b", kafka.bootstrap, "-t", topic, *files(*names))
    fleet.start().settle()
    partitions = fleet.fold()
    report = fleet.check(partitions, need=need)
    before = fleet.shown()
    assert fleet.stop() == [0] * len(fleet.daemons)
    fleet.start().settle()
    after = fleet.shown()
    changed = sorted(str(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    assert not changed, changed[:20]
    check_replay(fleet, partitions)
    return report


@pytest.fixture
def make(closing, kafka, redis_server, tmp_path):
    """make(size) -> so many daemons on one topic."""
    def build(size):
        topic = kafka.create_topic(partitions=PARTITIONS)
        kafka.create_topic(topic + ".dlq")
        return closing(Fleet(kafka, redis_server, topic, tmp_path, rules=RULES, size=size))
    return build


def test_twitter1516_and_higgs_together(make):
    report = check_sets(make(2), ["twitter1516", "higgs"], (*SHOWN, "minutes"))
    assert report.counts["contents"] > 2000 and report.counts["alerts"] > 500


def test_german2021_news_and_auspol_together(make):
    report = check_sets(make(3), ["german2021", "news", "auspol"], SHOWN)
    assert report.counts["contents"] > 2000


def part_of(name, one_in, folder):
    """A file of one in so many contents of a set."""
    whole, part = files(name)[0], folder / name / "events.ndjson"
    part.parent.mkdir()
    with (gzip.open if whole.suffix == ".gz" else open)(whole, "rb") as lines:
        part.write_bytes(b"".join(line for line in lines if zlib.crc32(line.split(b'"content":"', 1)[1].split(b'"', 1)[0]) % one_in == 0))
    return part


def shuffled(made, chosen):
    """As they come in: most within a minute or an hour of their time, some nearly a day late."""
    at = [(events.ms_of(e["event_time"]) + int(chosen.random() * chosen.choice((1, 1, 60, 60, 3600, 82800)) * 1000), e) for e in made]
    at.sort(key=lambda pair: pair[0])
    return [events.record(event, timestamp=ms) for ms, event in at]


def test_a_part_of_each_set_shuffled_within_the_windows(make, tmp_path):
    print(f"VR_SHUFFLE_SEED={SEED}", flush=True)
    fleet, chosen = make(1), random.Random(SEED)
    parts = [part_of(name, one_in, tmp_path) for name, one_in in PARTS.items()]
    made = [json.loads(line) for line in viralctl("import", "--no-progress", "--dry-run", "--json", *parts).splitlines()]
    fleet.kafka.produce(fleet.topics[0], shuffled(made, chosen))
    fleet.start().settle()
    partitions = fleet.fold()
    report = fleet.check(partitions, need=(*SHOWN, "minutes"))
    assert report.counts["contents"] > 2000 and report.counts["windows"] > 100
    assert check_replay(fleet, partitions) > 20
