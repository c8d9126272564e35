# SPDX-License-Identifier: Apache-2.0
"""Expressions, rule files, and the life of alerts in the fold."""
import json
import math

import pytest
import xxhash
from hypothesis import given, settings, strategies as st

from oracle import fold, rules
from oracle.fold import Config, Event, Partition
from oracle.model import HOUR, MINUTE
from oracle.rules import SHARE, UNSHARE
from byhand import LIKE, T0, Log, log, rule, said


# ---------------------------------------------------------------- expressions


class Fixed:
    """Values for an expression: windows and totals are counts, estimates by name or absent."""

    def __init__(self, shares=0.0, **estimates):
        self.shares, self.estimates = shares, estimates

    def window(self, action, w, channel):
        return self.shares if action == SHARE else 0

    def total(self, action, channel):
        return self.window(action, 0, channel)

    def estimate(self, name):
        return self.estimates.get(name)


def value(text, **more):
    return rules.Parser(text, Config().window_names()).parse().eval(Fixed(**more))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("8 - 3 - 2", 3),
        ("8 / 4 / 2", 1),
        ("2 - -3", 5),
        ("-2 * -3", 6),
        ("1 < 2", 1),
        ("2 < 1", None),
        ("3 > 2 > 2", 3),
        ("3 > 2 > 3", None),
        ("1 + 1 == 2", 2),
        ("1 != 1", None),
        ("1 == 1 or 5", 1),
        ("1 == 2 or 5", 5),
        ("1 and 2", 1),
        ("1 and 1 == 2", None),
        ("1 unless 2", None),
        ("1 unless 1 == 2", 1),
        ("1 or 2 and 3 == 4", 1),
        ("1 == 2 or 2 and 3", 2),
        ("1 == 2 and 2 or 3", 3),
        ("1 > 2 unless 3 or 4", 4),
        ("0x10", 16),
        ("1e3", 1000),
        (".5", 0.5),
        ("5 >= 5", 5),
        ("4 <= 3", None),
        ("1 / 0", math.inf),
        ("-1 / 0", -math.inf),
        ("Inf > 1", math.inf),
        ("0 / 0 == 0 / 0", None),
        ("unique_sharers", None),
        ("unique_sharers + 1", None),
        ("1 > unique_sharers", None),
        ("unique_sharers or 3", 3),
        ("-unique_sharers", None),
        ("1 unless unique_sharers", 1),
        ("1 AND 2 # a comment", 1),
        ("1 +\n 2", 3),
    ],
)
def test_values(text, expected):
    assert value(text) == expected


def test_nan_is_present():
    assert math.isnan(value("0 / 0"))
    assert math.isnan(value("0 / 0 != 1"))


def test_selectors():
    assert value('shares{window="5m"} > 3', shares=4.0) == 4
    assert value("shares{window='5m', channel=\"x\",} + shares_total{channel=`y`}", shares=4.0) == 8
    assert value('events{action="share", window="1h"} + events_total{action="like"}', shares=4.0) == 4
    assert value("mean_depth * 2", mean_depth=1.5) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "shares",
        'shares{window="2m"}',
        'shares{windows="5m"}',
        "foo",
        'likes{window="5m",channel="x"}',
        'shares_total{window="5m"}',
        'unique_sharers{channel="x"}',
        "1 2",
        'events{action="x",window="5m"}',
        "1 ^ 2",
        "a b",
        'shares{window!="5m"}',
        'shares{window="5m" channel="x"}',
        "and 1",
        "1 > bool 2",
        'events_total',
        '"x"',
        "1 % 2",
    ],
)
def test_bad_expressions(text):
    with pytest.raises(rules.RuleError):
        rules.Parser(text, Config().window_names()).parse()


def test_first_comparison():
    r = rules.Rule("R", 'unique_sharers + 1 or (shares_total > 5 and likes_total < 3)')
    assert r.figures(Fixed(shares=9.0)) == (9, 5)
    assert rules.Rule("R", "1 > (2 > 3)").figures(Fixed()) == (1, None)
    assert rules.Rule("R", "shares_total").figures(Fixed(shares=9.0)) == (9, None)


def test_rule_files():
    loaded = rules.load(
        """
groups:
- name: one
  rules:
  - alert: A
    expr: |
      shares{window="5m"}  >
        50
    for: 1h30m
    reset_expr: shares{window="5m"} < 10
    labels: {severity: page, n: 1}
    annotations: {summary: "{{ $value }}"}
  - {alert: B, expr: shares_total > 1, on: channel}
- name: two
  rules:
  - {alert: C, expr: shares_total > 1, on: content}
"""
    )
    assert [r.name for r in loaded] == ["A", "C"]
    a = loaded[0]
    assert a.for_ms == 5_400_000 and a.labels == {"severity": "page", "n": "1"}
    assert a.version == xxhash.xxh3_64_hexdigest(
        b'shares{window="5m"} > 50\x005400000\x00shares{window="5m"} < 10'
    )
    assert loaded[1].version == xxhash.xxh3_64_hexdigest(b"shares_total > 1\x000\x00")
    assert a.alert_id("content:x", "t", 3, 17, 5) == xxhash.xxh3_128_hexdigest(
        b"A\0" + a.version.encode() + b"\0content:x\0t\x003\x0017\x005"
    )


@pytest.mark.parametrize(
    "text, ms", [("0", 0), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d", 86_400_000)]
)
def test_durations(text, ms):
    assert rules.duration_ms(text) == ms


# ---------------------------------------------------------------- rules in the fold

HOT = 'shares{window="1m"} > 2'


def test_fires_and_is_resolved_when_its_bucket_leaves():
    l, p = log(rule(HOT))
    for _ in range(3):
        l.add(T0)
    assert said(p) == [("R", "a", "firing", T0)]
    a = p.alerts[0]
    assert (a["offset"], a["starts_ms"], a["ends_ms"], a["value"], a["threshold"]) == (2, T0, 0, 3, 2)
    assert a["id"] in p.active
    l.add(T0 + 59_999, "b")
    assert len(p.alerts) == 1
    l.add(T0 + HOUR, "b")  # at the time the bucket left, not at S
    assert said(p)[1:] == [("R", "a", "resolved", T0 + 60_000)]
    assert (
        p.alerts[1]["ends_ms"] == T0 + 60_000 and p.alerts[1]["id"] == a["id"] and p.alerts[1]["value"] == 0
    )
    assert p.active == {}


def test_for_ripens_at_its_own_time():
    l, p = log(rule(HOT, **{"for": "30s"}))
    for _ in range(3):
        l.add(T0)
    assert said(p) == [] and [a["state"] for a in p.active.values()] == ["pending"]
    assert list(p.active.values())[0]["due_ms"] == T0 + 30_000
    l.add(T0 + 45_000, "b")
    assert said(p) == [("R", "a", "firing", T0 + 30_000)]
    assert p.alerts[0]["starts_ms"] == T0 and p.alerts[0]["offset"] == 2


def test_bucket_leaves_before_for():
    l, p = log(rule(HOT, **{"for": "1m"}))  # both at T0 + 60000: ends without a word
    for _ in range(3):
        l.add(T0)
    l.add(T0 + HOUR, "b")
    assert said(p) == [] and p.active == {}


def test_for_holds_through_what_comes_after():
    l, p = log(rule(HOT, **{"for": "1m"}))
    for t in (0, 0, 0, 1, 30_000, 30_000, 30_000):
        l.add(T0 + t)
    l.add(T0 + 60_000, "b")
    assert said(p) == [("R", "a", "firing", T0 + 60_000)]


def test_reset_expr():
    l, p = log(rule(HOT, reset_expr='shares{window="1m"} == 0'))
    for t in (0, 0, 30_000):
        l.add(T0 + t)
    l.add(T0 + 75_000, "b")  # at 60000 one is left: goes on
    assert said(p) == [("R", "a", "firing", T0 + 30_000)]
    l.add(T0 + 90_000, "b")
    assert said(p)[1:] == [("R", "a", "resolved", T0 + 90_000)]


def test_resolved_by_a_record_and_begun_again():
    l, p = log(rule("shares_total > 0 unless likes_total == 1"))
    l.add(T0)
    l.add(T0 + 1, action=LIKE)
    l.add(T0 + 2, action=LIKE)
    assert said(p) == [("R", "a", "firing", T0), ("R", "a", "resolved", T0 + 1), ("R", "a", "firing", T0 + 2)]
    assert p.alerts[0]["id"] != p.alerts[2]["id"] and p.alerts[2]["offset"] == 2


def test_time_alone_never_begins():
    l, p = log(rule('shares{window="1m"} == 0 and shares_total > 0'))
    l.add(T0)
    l.add(T0 + HOUR, "b")
    assert said(p) == []
    l.add(T0 + HOUR, action=LIKE)
    assert said(p) == [("R", "a", "firing", T0 + HOUR)]


def test_a_late_event_begins_at_stream_time():
    l, p = log(rule("shares_total >= 2"))
    l.add(T0)
    l.add(T0 - 10_000)
    assert said(p) == [("R", "a", "firing", T0)]


def test_suppressed_until_false_once():
    l, p = log(rule("shares_total < 1 or shares_total > 2"))  # true before the first event
    l.add(T0, action=LIKE)
    assert said(p) == []
    l.add(T0)  # false
    l.add(T0)
    l.add(T0)  # true again
    assert said(p) == [("R", "a", "firing", T0)]


def test_a_new_rule_is_no_storm():
    l, p = log()
    for _ in range(3):
        l.add(T0)
    l.add(T0, "b")
    p.set_rules(rules.load(rule(HOT)))
    l.add(T0)  # was true before
    l.add(T0, "b", count=2)  # becomes true
    assert said(p) == [("R", "b", "firing", T0)]
    l.add(T0 + MINUTE)  # false at a record
    l.add(T0 + MINUTE, count=2)
    assert said(p)[1:] == [("R", "b", "resolved", T0 + MINUTE), ("R", "a", "firing", T0 + MINUTE)]


def test_a_suppressed_rule_is_not_freed_by_time():
    l, p = log()
    l.add(T0, count=3)
    p.set_rules(rules.load(rule(HOT)))
    l.add(T0)
    l.add(T0 + MINUTE, "b")  # false meanwhile, but no record of a saw it
    l.add(T0 + MINUTE, count=3)  # true: suppressed still
    assert said(p) == []


def test_removed_rules():
    both = json.loads(rule(HOT)), json.loads(rule("shares_total > 3", name="Q"))
    text = json.dumps({"groups": both[0]["groups"] + both[1]["groups"]})
    l, p = log(text)
    l.add(T0, count=5)
    assert [s[:3] for s in said(p)] == [("R", "a", "firing"), ("Q", "a", "firing")]
    p.set_rules(rules.load(rule("shares_total > 3", name="Q")))
    assert p.alerts[-1]["reason"] == "rule_removed" and p.alerts[-1]["alertname"] == "R"
    l.add(T0)
    assert len(p.alerts) == 3 and len(p.active) == 1  # Q goes on, known by its version


def test_order_of_timers():
    text = json.dumps(
        {
            "groups": [
                {
                    "name": "g",
                    "rules": [
                        {"alert": "Z", "expr": HOT},
                        {"alert": "F", "expr": "shares_total > 2", "for": "1m"},
                        {"alert": "A", "expr": HOT},
                    ],
                }
            ]
        }
    )
    l, p = log(text)
    for cid in ("b", "é", "a"):
        l.add(T0, cid, count=3)
    del p.alerts[:]
    l.add(T0 + HOUR, "x")
    at = T0 + MINUTE
    assert said(p) == [
        (n, c, s, at)
        for c in ("a", "b", "é")
        for n, s in (("Z", "resolved"), ("F", "firing"), ("A", "resolved"))
    ]


def test_earlier_times_come_first():
    l, p = log(rule(HOT))
    l.add(T0, "b", count=3)
    l.add(T0 + 10_000, "a", count=3)
    l.add(T0 + HOUR, "x")
    assert [(s[1], s[3] - T0) for s in said(p)[2:]] == [("b", 60_000), ("a", 70_000)]


def test_timers_come_before_the_record_itself():
    l, p = log(rule(HOT))
    l.add(T0, count=3)
    l.add(T0 + 60_000, count=3)
    assert [(s[2], s[3] - T0) for s in said(p)] == [("firing", 0), ("resolved", 60_000), ("firing", 60_000)]


def test_a_miskeyed_content_is_folded_but_not_judged():
    p = Partition("t", 3, Config(), rules.load(rule(HOT)), homes={"a": "t:1"})
    l = Log(p)
    l.add(T0, count=3)
    assert p.alerts == [] and p.shown() == [] and p.all.totals[SHARE] == 3


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40_000),
            st.sampled_from("ab"),
            st.integers(1, 3),
            st.sampled_from([SHARE, LIKE, UNSHARE]),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
def test_rules_against_judging_every_millisecond_boundary(steps):
    """Another way: after each record every bucket edge of every window is visited, and every due time."""
    windows = [("3s", 3000), ("9s", 9000)]
    text = json.dumps(
        {
            "groups": [
                {
                    "name": "g",
                    "rules": [
                        {"alert": "A", "expr": 'shares{window="3s"} > 2', "for": "1s"},
                        {
                            "alert": "B",
                            "expr": 'shares{window="9s"} > 3',
                            "reset_expr": 'shares{window="3s"} == 0',
                        },
                        {
                            "alert": "C",
                            "expr": 'likes{window="9s"} > 1 unless shares{window="3s"} > 1',
                            "for": "500ms",
                        },
                    ],
                }
            ]
        }
    )
    loaded = rules.load(text, ["3s", "9s"])
    p = Partition("t", 0, Config(windows=windows), loaded)
    naive, now, t = [], None, T0
    state = {}  # (content, rule index) -> [state, since]
    for offset, (ahead, cid, n, action, back) in enumerate(steps):
        ahead = ahead // 40 if offset % 3 else ahead
        t += ahead
        when = t - back * 500
        new = max(now or 0, when)
        if now is not None:
            edges = sorted(
                {e for w in (100, 300) for e in range(now // w * w, new + 1, w) if e > now}
                | {
                    s[1] + loaded[i].for_ms
                    for (_, i), s in state.items()
                    if s[0] == "pending" and s[1] + loaded[i].for_ms <= new
                }
            )
            for e in edges:
                for c in "ab":
                    if c not in p.contents:
                        continue
                    values = fold.Values(p.contents[c], e, p.config)
                    for i, r in enumerate(loaded):
                        if (c, i) in state:
                            step(naive, state, (c, i), r, values, e)
        p.record(offset, t, b"", Event(cid, action, event_time=when, count=n))
        now = new
        values = fold.Values(p.contents[cid], now, p.config)
        for i, r in enumerate(loaded):
            if (cid, i) in state:
                step(naive, state, (cid, i), r, values, now)
            elif r.true(values):
                state[(cid, i)] = ["firing" if r.for_ms == 0 else "pending", now]
                if r.for_ms == 0:
                    naive.append((r.name, cid, "firing", now))
    assert said(p) == naive


def step(naive, state, key, r, values, at):
    s = state[key]
    true = r.true(values)
    if s[0] == "pending" and not true:
        del state[key]
    elif s[0] == "pending" and at - s[1] >= r.for_ms:
        s[0] = "firing"
        naive.append((r.name, key[0], "firing", at))
    elif s[0] == "firing" and not true and r.may_reset(values):
        del state[key]
        naive.append((r.name, key[0], "resolved", at))
