# SPDX-License-Identifier: Apache-2.0
"""A log that is written by hand, and short forms of what is asked of a fold."""
import json

from oracle import rules
from oracle.fold import Config, Event, Partition
from oracle.rules import ACTIONS, PLURALS, SHARE

LIKE = ACTIONS.index("like")
T0 = 1_500_000_000_000  # a multiple of every default width but that of 24 h (2,880,000)
W = {name: i for i, (name, _) in enumerate(Config().windows)}


def part(rule_text=None, **config):
    return Partition("t", 3, Config(**config), rules.load(rule_text) if rule_text else ())


class Log:
    """Feeds a partition; offsets count up, the Kafka time is the event's unless said."""

    def __init__(self, p):
        self.p, self.offset = p, 0

    def add(self, t=0, cid="a", action=SHARE, kafka=None, **more):
        event = Event(cid, action, event_time=t, **more)
        self.raw(event, t if kafka is None else kafka)

    def raw(self, event, kafka):
        self.p.record(self.offset, kafka, b"", event)
        self.offset += 1


def log(rule_text=None, **config):
    entry = Log(part(rule_text, **config))
    return entry, entry.p


def win(p, name, at, cid="a", action=SHARE):
    return int(p.content_hash(cid, at).get(f"{PLURALS[action]}_{name}", "0"))


def rule(expr, name="R", **more):
    return json.dumps({"groups": [{"name": "g", "rules": [{"alert": name, "expr": expr, **more}]}]})


def said(p):
    return [(a["alertname"], a["content_id"], a["state"], a["updated_ms"]) for a in p.alerts]
