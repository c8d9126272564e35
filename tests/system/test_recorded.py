# SPDX-License-Identifier: Apache-2.0
"""Recorded data sets, imported as an operator does it, through two daemons: every key is what the oracle says.

The folder of the sets: VIRALITY_DATA, else ../shared/data beside the checkout.
"""
import os
import pathlib

import pytest

from fleet import Fleet, viralctl
from virtest.scratch import REPO

DATA = pathlib.Path(os.environ.get("VIRALITY_DATA") or REPO.parent / "shared" / "data")
PARTITIONS = 12

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


def check_sets(fleet, names, need):
    kafka, topic = fleet.kafka, fleet.topics[0]
    viralctl("import", "--no-progress", "-b", kafka.bootstrap, "-t", topic, *files(*names))
    fleet.start().settle()
    report = fleet.check(need=need)
    before = fleet.shown()
    assert fleet.stop() == [0] * len(fleet.daemons)
    fleet.start().settle()
    after = fleet.shown()
    changed = sorted(str(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    assert not changed, changed[:20]
    return report


@pytest.fixture
def fleet(closing, kafka, redis_server, tmp_path):
    topic = kafka.create_topic(partitions=PARTITIONS)
    kafka.create_topic(topic + ".dlq")
    return closing(Fleet(kafka, redis_server, topic, tmp_path, rules=RULES))


def test_twitter1516_and_higgs_together(fleet):
    report = check_sets(fleet, ["twitter1516", "higgs"], ("fields", "windows", "alerts", "contents", "board_rows", "minutes"))
    assert report.counts["contents"] > 2000 and report.counts["alerts"] > 500


def test_german2021_news_and_auspol_together(fleet):
    report = check_sets(fleet, ["german2021", "news", "auspol"], ("fields", "windows", "alerts", "contents", "board_rows"))
    assert report.counts["contents"] > 2000
