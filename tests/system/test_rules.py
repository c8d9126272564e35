# SPDX-License-Identifier: Apache-2.0
"""The language of rules on a real stream: every alert, value, time and template is what the oracle says."""
import pytest

import events
from fleet import Fleet
from virtest.scratch import REPO

DEFAULT = (REPO / "deploy" / "rules" / "virald-default.yaml").read_text()

LANGUAGE = """\
groups:
- name: operators
  rules:
  - {alert: Or, expr: 'shares_total > 40 or likes_total > 60'}
  - {alert: And, expr: 'shares_total > 10 and likes_total > 5'}
  - {alert: Unless, expr: 'views_total > 20 unless shares_total > 15', for: 20s}
  - {alert: Nested, expr: '(shares{window="5m"} + likes{window="5m"}) / views{window="5m"} > 0.3 and views{window="5m"} > 4'}
  - {alert: Minus, expr: '-shares_total + 2 * likes_total - 3 > 10'}
  - {alert: Chain, expr: 'shares_total < 9 < 5 + 3'}
  - {alert: Equal, expr: 'shares_total == 7'}
  - {alert: Unequal, expr: 'share_intents_total != 0 and share_intents_total <= 3', for: 1m}
- name: figures
  rules:
  - {alert: Channel, expr: 'shares{window="1h", channel="weibo"} > 3', reset_expr: 'shares{window="1m", channel="weibo"} < 1'}
  - {alert: Total, expr: 'shares_total{channel="wechat"} > 5'}
  - {alert: Events, expr: 'events{action="like",window="5m"} > 3 and events_total{action="comment"} > 1'}
  - {alert: Unique, expr: 'unique_sharers > 10 and root_share_fraction < 0.9'}
  - {alert: Depth, expr: 'max_depth >= 3 and mean_depth > 1.2'}
  - {alert: Velocity, expr: 'share_velocity > 3', for: 5s, reset_expr: 'share_velocity < 1'}
- name: words
  rules:
  - alert: Worded
    expr: comments{window="5m"} >= 3
    labels: {severity: page, team: desk}
    annotations:
      summary: "{{ $labels.title }} ({{ $labels.content_id }}) has {{ $value }}, over {{ $threshold }} on {{ $labels.channel }}"
"""


# So that each file finds much to say: how many events, and what viralctl simulate is told.
STREAMS = {
    "language": (LANGUAGE, 15000, ["--rate", 40, "--contents", 40, "--life", "10m"]),
    "default": (DEFAULT, 30000, ["--rate", 20, "--contents", 5, "--life", "1h"]),
}


@pytest.mark.parametrize("rules,count,shape", STREAMS.values(), ids=STREAMS)
def test_alerts_of_a_rule_file(closing, kafka, redis_server, tmp_path, rules, count, shape):
    topic = kafka.create_topic(partitions=4)
    kafka.create_topic(topic + ".dlq")
    fleet = closing(Fleet(kafka, redis_server, topic, tmp_path, rules=rules))
    made = events.simulated(count, 41, *shape, "--steady", "--duplicates", 0.02, "--late", 0.02)
    kafka.produce(topic, events.mixed(made, 42))
    fleet.start().settle()
    partitions = fleet.fold()
    report = fleet.check(partitions)
    names = {alert["alertname"] for p in partitions for alert in p.alerts}
    assert report.counts["alerts"] > 10 and len(names) >= 3, names
    print(sorted(names))
