# SPDX-License-Identifier: Apache-2.0
"""The oracle itself, against cases worked out by hand and against another way of counting."""
import json
import math

import pytest
import xxhash
from hypothesis import given, settings, strategies as st

import render
from oracle import compare, fold, recorded, rules, wire
from oracle.fold import BUCKETS, Config, Event, HOUR, MINUTE, Partition, Refused
from oracle.rules import ACTIONS, PLURALS, SHARE, UNSHARE

LIKE = ACTIONS.index("like")
T0 = 1_500_000_000_000		# a multiple of every default width but that of 24 h (2,880,000)
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


# ---------------------------------------------------------------- windows

def test_a_bucket_leaves_at_exactly_its_time():
    l, p = log()
    l.add(T0 + 1999)			# 1m: width 2000; bucket of T0 leaves at T0 + 60000
    assert win(p, "1m", T0 + 1999) == 1
    assert win(p, "1m", T0 + 59_999) == 1
    assert win(p, "1m", T0 + 60_000) == 0
    assert win(p, "5m", T0 + 299_999) == 1
    assert win(p, "5m", T0 + 300_000) == 0


def test_a_late_event_goes_where_its_bucket_still_is():
    l, p = log()
    l.add(T0 + 60_000)
    l.add(T0 + 1_999)			# one bucket too old for 1m
    l.add(T0 + 2_000)			# the oldest bucket of 1m
    assert win(p, "1m", T0 + 60_000) == 2
    assert win(p, "5m", T0 + 60_000) == 3
    assert p.late == 0
    assert p.stream_ms == T0 + 60_000


def test_late_means_too_old_for_the_longest():
    width = 24 * HOUR // BUCKETS
    s = (T0 // width + 1) * width
    l, p = log()
    l.add(s)
    l.add(s - 29 * width)
    assert (p.late, win(p, "24h", s)) == (0, 2)
    l.add(s - 29 * width - 1)
    assert (p.late, win(p, "24h", s)) == (1, 2)
    assert p.content_hash("a", s)["shares_total"] == "3"


def test_count_weighs_totals_and_windows_only():
    l, p = log()
    l.add(T0, count=7, actor_id="x", depth=3)
    l.add(T0, actor_id="y")
    shown = p.content_hash("a", T0)
    assert (shown["shares_total"], shown["shares_1m"], shown["unique_sharers"]) == ("8", "8", "2")
    assert (shown["mean_depth"], shown["max_depth"], shown["root_share_fraction"]) == ("2.000000", "3", "0.500000")
    assert shown["share_velocity"] == "8.000000"


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30 * HOUR), st.sampled_from([SHARE, LIKE]), st.sampled_from("ab"),
                          st.integers(1, 5)), min_size=1, max_size=120), st.integers(0, 30 * HOUR))
def test_windows_against_counting_the_events_again(events, later):
    l, p = log(max_ahead=100 * HOUR)
    kept, s = [], 0
    for t, action, cid, n in events:
        l.add(T0 + t, cid, action, count=n, kafka=T0 + 30 * HOUR)
        s = max(s, T0 + t)
        kept.append((T0 + t, s, action, cid, n))
    at = s + later
    for cid in {cid for _, _, _, cid, _ in kept}:
        for action in (SHARE, LIKE):
            for name, span in p.config.windows:
                b = span // BUCKETS
                expected = sum(n for t, s_then, a, c, n in kept if a == action and c == cid
                               and t // b >= s_then // b - 29 and at // b - 29 <= t // b <= at // b)
                assert win(p, name, at, cid, action) == expected


# ---------------------------------------------------------------- times

def test_times_and_refusals():
    l, p = log()
    l.raw(Event("a", SHARE, event_time=0), 0)				# nothing is known
    assert p.refused == {"no_time": 1}
    l.raw(Event("a", SHARE, event_time=T0), -1)				# no log time: no check
    assert (p.stream_ms, p.log_ms) == (T0, None)
    l.raw(Event("a", SHARE), T0 + 5)					# Kafka's time
    assert (p.stream_ms, p.log_ms) == (T0 + 5, T0 + 5)
    l.raw(Event("a", SHARE), 0)						# log time
    assert p.accepted == 3
    l.raw(Event("a", SHARE, event_time=T0 + 5 + 300_000), 1)		# ahead: counts at log time
    assert (p.stream_ms, p.clock_ahead) == (T0 + 5, 1)
    l.raw(Event("a", SHARE, event_time=T0 + 6 + 300_000), 1)
    assert p.refused["time_ahead"] == 1
    l.raw(Refused("decode"), T0 + 100)					# moves log time
    l.raw(None, T0 + 200)
    assert (p.log_ms, p.stream_ms, p.tombstones) == (T0 + 200, T0 + 5, 1)
    l.raw(Refused("kafka_ahead"), T0 + HOUR)				# does not
    assert p.log_ms == T0 + 200
    assert p.content_hash("a", T0 + 5)["last_ms"] == str(T0 + 5)


def test_forgetting():
    l, p = log(rule("shares_total >= 2"))
    l.add(T0, "a")
    l.add(T0, "a")
    l.add(T0, "b", kafka=T0 + HOUR)
    assert [s[2] for s in said(p)] == ["firing"]
    hour = T0 // HOUR
    l.raw(Refused("decode"), (hour + 721) * HOUR - 1)			# a's hour is not below 720 - 720
    assert set(p.contents) == {"a", "b"}
    l.raw(None, (hour + 721) * HOUR)
    assert set(p.contents) == {"b"}
    assert p.alerts[-1]["reason"] == "forgotten" and p.alerts[-1]["ends_ms"] == T0
    assert p.active == {}
    assert p.all.totals[SHARE] == 3


def test_a_record_keeps_its_content():
    l, p = log()
    hour = T0 // HOUR
    l.add(T0, "a")
    l.add(T0, "a", kafka=(hour + 700) * HOUR)
    l.add(T0, "b", kafka=(hour + 730) * HOUR)
    assert set(p.contents) == {"a", "b"}


# ---------------------------------------------------------------- duplicates, unshare

def test_duplicates():
    l, p = log()
    l.add(T0, event_id="e")
    l.add(T0 + 1, event_id="e")						# duplicate: does not move S
    assert (p.duplicates, p.stream_ms) == (1, T0)
    l.add(T0, event_id="e", cid="b")					# another content
    l.add(T0, event_id="e", action=UNSHARE)				# another action
    l.add(T0, event_id="l", action=LIKE)
    l.add(T0, event_id="l", action=LIKE)				# likes are not held against each other
    l.add(T0 + 600_000, cid="c")
    l.add(T0 + 600_001, event_id="e")					# S is 600000 later: still one
    assert p.duplicates == 2
    l.add(T0 + 600_001, cid="c")
    l.add(T0 + 600_001, event_id="e")					# S is 600001 later: not checked
    assert p.duplicates == 2
    assert p.content_hash("a", p.stream_ms)["shares_total"] == "1"	# two shares, one taken back


def test_unshare_takes_from_the_parents_bucket():
    l, p = log()
    l.add(T0, channel="x", count=3)
    l.add(T0 + 60_000, channel="x", count=2)
    l.add(T0 + 60_000, action=UNSHARE, channel="x", count=4, parent_event_time=T0)
    shown = p.content_hash("a", T0 + 60_000)
    # 1m: the parent's bucket is gone, nothing is given up. 5m: bucket has 3, gives 3. Total gives 4.
    assert (shown["shares_1m"], shown["shares_5m"], shown["shares_total"]) == ("2", "2", "1")
    assert (shown["unshares_1m"], shown["unshares_total"]) == ("4", "4")


def test_unshare_is_clamped_at_content_and_channel():
    l, p = log()
    l.add(T0, channel="x", count=3)
    l.add(T0, channel="y", count=3, action=UNSHARE)
    assert p.content_hash("a", T0)["shares_1m"] == "3"
    assert p.content_channels("a") == {"x": "3"}
    l.add(T0, "b", channel="x", count=5)
    l.add(T0, channel="x", count=9, action=UNSHARE)
    assert fold.merged([p], T0, "x")["shares_total"] == "5"
    assert fold.merged([p], T0, "x")["shares_1m"] == "5"
    assert fold.merged([p], T0)["shares_24h"] == "5"
    assert p.content_channels("a") == {"x": "0"}
    assert "channel_top" not in p.content_hash("a", T0)
    assert p.trending().keys() == {"a", "b"}


# ---------------------------------------------------------------- texts, channels, depth, trending

def test_channels_cap():
    l, p = log(channels_max=2)
    for name in ("x", "y", "z", "x", "w"):
        l.add(T0, channel=name)
    assert {n: c.totals[SHARE] for n, c in p.channels.items()} == {"x": 2, "y": 1, "_other": 2}
    assert p.content_hash("a", T0)["channel_top"] == "x"


def test_channel_top_is_the_greatest_name_among_equals():
    l, p = log()
    for name in ("b", "é", "z"):
        l.add(T0, channel=name)
    assert p.content_hash("a", T0)["channel_top"] == "é"


def test_texts():
    l, p = log()
    l.add(T0, title="ab" + "é" * 30, url="u" * 60)			# 62 bytes
    l.add(T0, title="")
    shown = p.content_hash("a", T0)
    assert shown["title"] == "ab" + "é" * 29 and shown["url"] == "u" * 60
    assert p.content_info("a") == {"title": "ab" + "é" * 30, "url": "u" * 60}
    l.add(T0, title="short", author_id="me")
    assert p.content_info("a") == {}
    l.add(T0, url="u" * 61)
    assert "url" not in p.content_hash("a", T0)
    assert p.content_info("a") == {"title": "short", "url": "u" * 61, "author_id": "me"}


def test_depth():
    l, p = log()
    assert "mean_depth" not in (l.add(T0, action=LIKE, depth=4), p.content_hash("a", T0))[1]
    l.add(T0, parent_event_id="p")					# not attributed
    assert "max_depth" not in p.content_hash("a", T0)
    for more in ({}, {"depth": 1}, {"depth": 5, "parent_event_id": "p"}):
        l.add(T0, **more)
    shown = p.content_hash("a", T0)
    assert (shown["mean_depth"], shown["max_depth"], shown["root_share_fraction"]) == ("2.333333", "5", "0.666667")


def test_ratio_rounds_half_to_even():
    assert fold.ratio(1, 128) == "0.007812"
    assert fold.ratio(3, 128) == "0.023438"
    assert fold.ratio(1, 640) == "0.001562"
    assert fold.ratio(5) == "5.000000"


def test_trending_is_the_logarithm_of_the_sum():
    l, p = log()
    base = T0 // 1_800_000 * 1_800_000
    l.add(base, count=4)
    assert p.trending()["a"] == base / 1_800_000 + 2
    l.add(base + 1_800_000, count=2)					# 4 + 2*2 = 8
    assert p.trending()["a"] == base / 1_800_000 + 3
    l.add(base, count=8)						# late: 16
    assert p.trending()["a"] == base / 1_800_000 + 4


def test_minutes():
    l, p = log(ts_min_events=3)
    m = T0 // MINUTE * MINUTE
    l.add(m)
    l.add(m)
    l.add(m + 1, action=LIKE, count=2)					# the third: opens the minute
    l.add(m - 1)							# late: into the entry of the open minute
    assert p.content_ts("a") == []
    l.add(m + MINUTE, "b")						# stream time leaves the minute
    first = dict(zip(compare.TS_FIELDS, p.content_ts("a")[0][1]))
    assert {k: v for k, v in first.items() if v} == {"likes": 2, "late": 1}
    l.add(m + 30_000, count=5)						# waits for the next entry
    l.add(m + 3 * MINUTE)
    l.add(m + 9 * MINUTE, "b")
    assert [e[0] for e in p.content_ts("a")] == [m, m + 3 * MINUTE]
    second = dict(zip(compare.TS_FIELDS, p.content_ts("a")[1][1]))
    assert {k: v for k, v in second.items() if v} == {"shares": 1, "late": 5}


def test_minutes_are_bounded():
    l, p = log(ts_min_events=1, ts_max=3)
    for i in range(6):
        l.add(T0 + i * MINUTE)
    assert [e[0] for e in p.content_ts("a")] == [T0 // MINUTE * MINUTE + i * MINUTE for i in (2, 3, 4)]


def test_boards():
    l, p = log()
    for cid, n in (("b", 2), ("c", 2), ("é", 2), ("d", 3), ("e", 1)):
        l.add(T0, cid, count=n)
    l.add(T0, "e", action=UNSHARE)
    assert fold.tops([p], {}, W["1m"]) == [("d", 3), ("é", 2), ("c", 2), ("b", 2)]
    assert fold.tops([p], {p.name: T0 + MINUTE}, W["1m"]) == []


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


@pytest.mark.parametrize("text, expected", [
    ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("8 - 3 - 2", 3), ("8 / 4 / 2", 1), ("2 - -3", 5), ("-2 * -3", 6),
    ("1 < 2", 1), ("2 < 1", None), ("3 > 2 > 2", 3), ("3 > 2 > 3", None), ("1 + 1 == 2", 2), ("1 != 1", None),
    ("1 == 1 or 5", 1), ("1 == 2 or 5", 5), ("1 and 2", 1), ("1 and 1 == 2", None), ("1 unless 2", None),
    ("1 unless 1 == 2", 1), ("1 or 2 and 3 == 4", 1), ("1 == 2 or 2 and 3", 2), ("1 == 2 and 2 or 3", 3),
    ("1 > 2 unless 3 or 4", 4), ("0x10", 16), ("1e3", 1000), (".5", .5), ("5 >= 5", 5), ("4 <= 3", None),
    ("1 / 0", math.inf), ("-1 / 0", -math.inf), ("Inf > 1", math.inf), ("0 / 0 == 0 / 0", None),
    ("unique_sharers", None), ("unique_sharers + 1", None), ("1 > unique_sharers", None),
    ("unique_sharers or 3", 3), ("-unique_sharers", None), ("1 unless unique_sharers", 1),
    ("1 AND 2 # a comment", 1), ("1 +\n 2", 3),
])
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


@pytest.mark.parametrize("text", [
    "", "1 +", "(1", "1)", "shares", 'shares{window="2m"}', 'shares{windows="5m"}', "foo", 'likes{window="5m",channel="x"}',
    'shares_total{window="5m"}', 'unique_sharers{channel="x"}', "1 2", 'events{action="x",window="5m"}', "1 ^ 2", "a b",
    'shares{window!="5m"}', 'shares{window="5m" channel="x"}', "and 1", "1 > bool 2", 'events_total', '"x"', "1 % 2",
])
def test_bad_expressions(text):
    with pytest.raises(rules.RuleError):
        rules.Parser(text, Config().window_names()).parse()


def test_first_comparison():
    r = rules.Rule("R", 'unique_sharers + 1 or (shares_total > 5 and likes_total < 3)')
    assert r.figures(Fixed(shares=9.0)) == (9, 5)
    assert rules.Rule("R", "1 > (2 > 3)").figures(Fixed()) == (1, None)
    assert rules.Rule("R", "shares_total").figures(Fixed(shares=9.0)) == (9, None)


def test_rule_files():
    loaded = rules.load("""
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
""")
    assert [r.name for r in loaded] == ["A", "C"]
    a = loaded[0]
    assert a.for_ms == 5_400_000 and a.labels == {"severity": "page", "n": "1"}
    assert a.version == xxhash.xxh3_64_hexdigest(
        b'shares{window="5m"} > 50\x005400000\x00shares{window="5m"} < 10')
    assert loaded[1].version == xxhash.xxh3_64_hexdigest(b"shares_total > 1\x000\x00")
    assert a.alert_id("content:x", "t", 3, 17, 5) == xxhash.xxh3_128_hexdigest(
        b"A\0" + a.version.encode() + b"\0content:x\0t\x003\x0017\x005")


@pytest.mark.parametrize("text, ms", [("0", 0), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("1d", 86_400_000)])
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
    l.add(T0 + HOUR, "b")						# at the time the bucket left, not at S
    assert said(p)[1:] == [("R", "a", "resolved", T0 + 60_000)]
    assert p.alerts[1]["ends_ms"] == T0 + 60_000 and p.alerts[1]["id"] == a["id"] and p.alerts[1]["value"] == 0
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
    l, p = log(rule(HOT, **{"for": "1m"}))				# both at T0 + 60000: ends without a word
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
    l.add(T0 + 75_000, "b")						# at 60000 one is left: goes on
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
    l, p = log(rule("shares_total < 1 or shares_total > 2"))		# true before the first event
    l.add(T0, action=LIKE)
    assert said(p) == []
    l.add(T0)								# false
    l.add(T0)
    l.add(T0)								# true again
    assert said(p) == [("R", "a", "firing", T0)]


def test_a_new_rule_is_no_storm():
    l, p = log()
    for _ in range(3):
        l.add(T0)
    l.add(T0, "b")
    p.set_rules(rules.load(rule(HOT)))
    l.add(T0)								# was true before
    l.add(T0, "b", count=2)						# becomes true
    assert said(p) == [("R", "b", "firing", T0)]
    l.add(T0 + MINUTE)							# false at a record
    l.add(T0 + MINUTE, count=2)
    assert said(p)[1:] == [("R", "b", "resolved", T0 + MINUTE), ("R", "a", "firing", T0 + MINUTE)]


def test_a_suppressed_rule_is_not_freed_by_time():
    l, p = log()
    l.add(T0, count=3)
    p.set_rules(rules.load(rule(HOT)))
    l.add(T0)
    l.add(T0 + MINUTE, "b")						# false meanwhile, but no record of a saw it
    l.add(T0 + MINUTE, count=3)						# true: suppressed still
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
    assert len(p.alerts) == 3 and len(p.active) == 1			# Q goes on, known by its version


def test_order_of_timers():
    text = json.dumps({"groups": [{"name": "g", "rules": [
        {"alert": "Z", "expr": HOT}, {"alert": "F", "expr": "shares_total > 2", "for": "1m"},
        {"alert": "A", "expr": HOT}]}]})
    l, p = log(text)
    for cid in ("b", "é", "a"):
        l.add(T0, cid, count=3)
    del p.alerts[:]
    l.add(T0 + HOUR, "x")
    at = T0 + MINUTE
    assert said(p) == [(n, c, s, at) for c in ("a", "b", "é")
                       for n, s in (("Z", "resolved"), ("F", "firing"), ("A", "resolved"))]


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
@given(st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from("ab"), st.integers(1, 3),
                          st.sampled_from([SHARE, LIKE, UNSHARE]), st.integers(0, 3)), max_size=60))
def test_rules_against_judging_every_millisecond_boundary(steps):
    """Another way: after each record every bucket edge of all windows and every due time is visited for all."""
    windows = [("3s", 3000), ("9s", 9000)]
    text = json.dumps({"groups": [{"name": "g", "rules": [
        {"alert": "A", "expr": 'shares{window="3s"} > 2', "for": "1s"},
        {"alert": "B", "expr": 'shares{window="9s"} > 3', "reset_expr": 'shares{window="3s"} == 0'},
        {"alert": "C", "expr": 'likes{window="9s"} > 1 unless shares{window="3s"} > 1', "for": "500ms"}]}]})
    loaded = rules.load(text, ["3s", "9s"])
    p = Partition("t", 0, Config(windows=windows), loaded)
    naive, now, t = [], None, T0
    state = {}				# (content, rule index) -> [state, since]
    for offset, (ahead, cid, n, action, back) in enumerate(steps):
        ahead = ahead // 40 if offset % 3 else ahead
        t += ahead
        when = t - back * 500
        new = max(now or 0, when)
        if now is not None:
            edges = sorted({e for w in (100, 300) for e in range(now // w * w, new + 1, w) if e > now} |
                           {s[1] + loaded[i].for_ms for (_, i), s in state.items() if s[0] == "pending"
                            and s[1] + loaded[i].for_ms <= new})
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


# ---------------------------------------------------------------- wire

def pb(number, value):
    if isinstance(value, int):
        return bytes([*vint(number << 3), *vint(value)])
    value = value.encode() if isinstance(value, str) else value
    return bytes([*vint(number << 3 | 2), *vint(len(value))]) + value


def vint(n):
    out = []
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return out + [n]


BARE = pb(1, "e1") + pb(2, pb(1, 1_500_000_000) + pb(2, 123_999_999)) + pb(3, 4) + pb(4, "c1") + pb(5, "WeiBo")
EVENT = Event("c1", SHARE, "e1", T0 + 123, "weibo")
JSON = b'{"eventId":"e1","event_time":"2017-07-14T02:40:00.123999Z","action":"share","contentId":"c1","channel":"WEIBO"}'


@pytest.mark.parametrize("value, headers", [
    (BARE, None),
    (b"\0\0\0\0\7\0" + BARE, None),
    (b"\0\0\0\0\7\2\0" + BARE, None),
    (b"\1" + b"g" * 16 + b"\0" + BARE, None),
    (BARE, [("__value_schema_id", b"\1" + b"g" * 16)]),
    (JSON, None),
    (JSON, [("content-type", b"application/json")]),
    (JSON.replace(b'"share"', b'"ACTION_SHARE"').replace(b'"2017-07-14T02:40:00.123999Z"', b"1500000000123"), None),
    (JSON.replace(b"T02:40:00.123999Z", b"t04:10:00.123+01:30"), None),
    (JSON.replace(b'"share"', b"4").replace(b'{', b'{"unknown":[{}],"title":null,', 1), None),
    (pb(3, 4) + pb(4, "c1") + pb(5, "weibo"), [("ce_specversion", b"1.0"), ("ce_id", b"e1"),
                                              ("ce_time", b"2017-07-14T02:40:00.123Z")]),
    (BARE, [("ce_specversion", b"1.0"), ("ce_id", b"other"), ("content-type", b"application/protobuf")]),
    (b'{"specversion":"1.0","id":"e1","data":' + JSON.replace(b'"eventId":"e1",', b"") + b"}",
     [("Content-Type", b"application/CloudEvents+json; charset=utf-8")]),
    (BARE + pb(77, "new") + pb(15, 3), None),
])
def test_every_framing_gives_the_same_event(value, headers):
    assert wire.decode(value, headers) == EVENT


@pytest.mark.parametrize("value, reason", [
    (b"{" + b" " * 65536, "size"), (b"{", "decode"), (b"[]", "decode"), (b'{"a":NaN}', "decode"), (b"\xff", "decode"),
    (b"", "action"), (pb(3, 4), "content_id"), (pb(3, 14) + pb(4, "c"), "action"), (pb(3, 4) + pb(4, "c" * 257), "content_id"),
    (pb(3, 4) + pb(4, b"\xff"), "utf8"), (pb(3, 4) + pb(4, "a\0b"), "nul"), (pb(3, 4) + pb(4, "a\x85"), "control"),
    (pb(3, 4) + pb(4, "c") + pb(1, "e" * 257), "event_id"), (pb(3, 4) + pb(4, "c") + pb(6, "e" * 257), "id"),
    (pb(3, 4) + pb(4, "c") + pb(5, "a{b"), "channel"), (pb(3, 4) + pb(4, "c") + pb(5, "_x"), "channel"),
    (pb(3, 4) + pb(4, "c") + pb(5, "x" * 65), "channel"), (pb(3, 4) + pb(4, "c") + pb(2, pb(1, (1 << 64) - 1)), "range"),
    (pb(3, 4) + pb(4, "c") + pb(2, pb(1, 253_402_300_800)), "range"), (pb(3, 4) + pb(4, "c") + pb(2, pb(2, 10 ** 9)), "range"),
    (b"\0\0\0\0\7\2\2" + BARE, "schema"), (b"\0\0\0", "decode"), (BARE[:-1], "decode"),
    (b'{"action":"share","content_id":"c","depth":-1}', "range"), (b'{"action":"share","content_id":"c","depth":1.5}', "decode"),
    (b'{"action":"share","content_id":"\\ud800"}', "utf8"), (b'{"action":"share","content_id":"\\u0000"}', "nul"),
    (b'{"action":"shout","content_id":"c"}', "action"), (b'{"content_id":"c"}', "action"),
    (b'{"action":"share","content_id":"c","event_time":"yesterday"}', "decode"),
    (b'{"action":"share","content_id":"c","event_time":-1}', "range"),
])
def test_refused(value, reason):
    assert wire.decode(value) == Refused(reason)


def test_tombstones_and_defaults():
    assert wire.decode(None) is None
    assert wire.decode(b'{"action":"SHARE","content_id":"c","scope":"moon","count":0}') == Event("c", SHARE)
    assert wire.decode(b'{"action":"SHARE","content_id":"c","count":"5","audienceSize":"9"}') == Event("c", SHARE, count=5)


@given(st.binary(max_size=60))
def test_decoding_never_breaks(data):
    assert isinstance(wire.decode(data), (Event, Refused))
    assert isinstance(wire.decode(b"{" + data), (Event, Refused))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
                    lambda v: st.lists(v) | st.dictionaries(st.sampled_from(sorted(wire.JSON_NAMES)), v), max_leaves=20))
def test_decoding_json_never_breaks(doc):
    assert isinstance(wire.decode(b"{" + json.dumps({"x": doc, **(doc if isinstance(doc, dict) else {})}).encode()[1:]),
                      (Event, Refused))


# ---------------------------------------------------------------- comparer

def sample(partitions=2):
    text = json.dumps({"groups": [{"name": "g", "rules": [
        {"alert": "Hot", "expr": 'shares{window="5m"} > 5', "labels": {"severity": "page"}, "annotations": {"s": "x"}},
        {"alert": "Slow", "expr": "shares_total > 3", "for": "1h"}]}]})
    out = [Partition("t", i, Config(ts_min_events=5), rules.load(text)) for i in range(partitions)]
    for i in range(400):
        p = out[i % partitions]
        cid = f"c{i % partitions}-{i * i % 17}"
        action = (SHARE, SHARE, LIKE, UNSHARE)[i % 4 if i % 7 else 0]
        p.record(p.offset, T0 + i * 3000, b"", Event(
            cid, action, event_time=T0 + i * 3000 - i % 5 * 700, channel="xyz"[i % 3], actor_id=str(i * i % 90),
            depth=i % 4, parent_event_id="p" if i % 4 else "", count=1 + i % 2, title="t" * (i % 70)))
    return out


def test_compare_accepts_what_is_right(databases):
    partitions = sample()
    render.write(*databases, partitions)
    report = compare.compare(*databases, partitions, fresh=True, need=(
        "fields", "windows", "alerts", "active", "contents", "minutes", "board_rows", "trending"))
    assert report.ok, report.text()


def test_compare_accepts_views_that_drained(databases):
    partitions = sample()
    render.write(*databases, partitions, {p.name: p.stream_ms + 100_000 + 7 * p.partition for p in partitions})
    report = compare.compare(*databases, partitions, fresh=True)
    assert report.ok, report.text()


def first_with(p, name):
    return next(c for c in p.contents if p.content_hash(c, p.stream_ms).get(name, "0") != "0")


def break_window(live, alerts, p):
    live.hincrby(f"vir:c:{{{first_with(p, 'shares_5m')}}}", "shares_5m", 1)


def break_missing_content(live, alerts, p):
    live.delete(f"vir:c:{{{sorted(p.contents)[0]}}}")


def break_zero(live, alerts, p):
    live.hset(f"vir:c:{{{sorted(p.contents)[0]}}}", "hides_1m", 1)


def break_old_view(live, alerts, p):
    cid = max(p.contents, key=lambda c: p.contents[c].touched_ms)
    live.hset(f"vir:c:{{{cid}}}", "as_of_ms", p.contents[cid].touched_ms - 1)


def break_stale(live, alerts, p):
    cid = min((c for c in p.contents if p.contents[c].all.totals[SHARE]), key=lambda c: p.contents[c].touched_ms)
    at = p.contents[cid].touched_ms
    live.delete(f"vir:c:{{{cid}}}")
    render.write_hash(live, f"vir:c:{{{cid}}}", {**p.content_hash(cid, at), "as_of_ms": at})
    live.hset("vir:meta:parts", p.name, f"{p.offset} {p.stream_ms} {p.stream_ms + HOUR} 1")


def break_extra_key(live, alerts, p):
    live.hset("vir:c:{ghost}", "content_id", "ghost")


def break_minutes(live, alerts, p):
    key = next(k for k in live.scan_iter("vir:c:*:ts"))
    live.xdel(key, live.xrange(key)[0][0])


def break_board(live, alerts, p):
    live.zincrby("vir:top:1h", 1, live.zrange("vir:top:1h", 0, 0)[0])


def break_rows(live, alerts, p):
    live.xtrim("vir:top:1h:rows", maxlen=1, approximate=False)


def break_trending(live, alerts, p):
    live.zincrby("vir:trending", 0.5, live.zrange("vir:trending", 0, 0)[0])


def break_channel(live, alerts, p):
    live.hincrby("vir:ch:{x}", "likes_total", 1)


def break_all(live, alerts, p):
    live.hdel("vir:all", "shares_24h")


def break_alert_missing(live, alerts, p):
    alerts.xdel("vir:alerts", alerts.xrange("vir:alerts")[0][0])


def break_alert_twice(live, alerts, p):
    alerts.xadd("vir:alerts", alerts.xrange("vir:alerts")[0][1])


def break_alert_order(live, alerts, p):
    ident, fields = alerts.xrange("vir:alerts")[0]
    alerts.xdel("vir:alerts", ident)
    alerts.xadd("vir:alerts", fields)


def break_alert_field(live, alerts, p):
    alerts.hset(next(alerts.scan_iter("vir:alert:*")), "starts_ms", 5)


def break_active(live, alerts, p):
    alerts.hdel("vir:alerts:active", alerts.hkeys("vir:alerts:active")[0])


def break_parts(live, alerts, p):
    live.hset("vir:meta:parts", p.name, f"{p.offset - 1} {p.stream_ms} {p.stream_ms} 1")


def break_type(live, alerts, p):
    live.delete("vir:all")
    live.set("vir:all", "1")


@pytest.mark.parametrize("wrong", [f for n, f in sorted(globals().items()) if n.startswith("break_")],
                         ids=lambda f: f.__name__[6:])
def test_compare_sees_what_is_wrong(databases, wrong):
    partitions = sample()
    render.write(*databases, partitions)
    wrong(*databases, partitions[0])
    assert not compare.compare(*databases, partitions, fresh=True).ok


def test_compare_of_nothing_fails(databases):
    partitions = sample()
    for p in partitions:
        p.set_rules(())
        del p.alerts[:]
        p.latest.clear()
    render.write(*databases, partitions)
    report = compare.compare(*databases, partitions)
    assert report.differences == ["nothing compared: alerts is 0"]


def test_uniques_beyond_64():
    assert compare.close_uniques("64", 64) and not compare.close_uniques("65", 64)
    assert compare.close_uniques("1080", 1000) and not compare.close_uniques("1090", 1000)


# ---------------------------------------------------------------- a topic

def test_check_topic_on_a_mock_cluster(databases, redis_url, tmp_path, capsys):
    kafka = pytest.importorskip("confluent_kafka")
    from oracle import check_topic
    producer = kafka.Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1})
    brokers = ",".join(f"{b.host}:{b.port}" for b in producer.list_topics(timeout=20).brokers.values())
    for i in range(300):
        body = {"action": "share", "content_id": f"c{i % 7}", "event_time": T0 + i * 500, "channel": "x"}
        producer.produce("t", json.dumps(body) if i % 10 else b"{", partition=i % 7 % 4, timestamp=T0 + i * 500)
    assert producer.flush(30) == 0
    path = tmp_path / "rules.yaml"
    path.write_text(rule('shares{window="1m"} > 4'))
    records, ends = check_topic.read_topic(brokers, "t")
    assert sum(map(len, records.values())) == 300 == sum(ends.values())
    partitions = check_topic.fold_logs({("t", n): r for n, r in records.items()}, Config(), rules.load(path.read_text()))
    assert sum(p.refused.get("decode", 0) for p in partitions) == 30
    render.write(*databases, [p for p in partitions if p.stream_ms])
    options = ["--brokers", brokers, "--topic", "t", "--redis", redis_url, "--rules", str(path)]
    assert check_topic.main(options) == 0, capsys.readouterr().out
    for p in partitions:
        databases[0].hset("{vir:%s}:own" % p.name, "off", p.offset)
    assert check_topic.main(options + ["--moving", "30"]) == 0, capsys.readouterr().out
    databases[0].hset("{vir:t:1}:own", "off", 5)			# Redis says less was folded than it shows
    assert check_topic.main(options + ["--moving", "1"]) == 1
    databases[0].hincrby("vir:all", "shares_total", 1)
    assert check_topic.main(options) == 1
    assert "vir:all shares_total" in capsys.readouterr().out


# ---------------------------------------------------------------- recorded data

def test_recorded_mapping(tmp_path):
    (tmp_path / "s").mkdir()
    rows = [
        {"ts": 1, "kind": "post", "content": "c", "id": "r"},
        {"ts": 5, "kind": "share", "content": "c", "id": "1", "parent": "r", "user": "u", "channel": "x"},
        {"ts": 4, "kind": "share", "content": "c", "id": "2", "parent": "1"},
        {"ts": 6, "kind": "reply", "content": "c", "id": "3", "parent": "2"},
        {"ts": 7, "kind": "share_total", "content": "d", "channel": "y", "total": 3, "delta": 3},
        {"ts": 8, "kind": "share_total", "content": "d", "channel": "y", "total": 3, "delta": 0},
        {"ts": 9, "kind": "share", "content": "c", "id": "4"}]
    (tmp_path / "s" / "events.ndjson").write_text("".join(json.dumps(r) + "\n" for r in rows))
    events = recorded.read(str(tmp_path), ["s"])
    assert [(e.event_id, e.depth, e.parent_event_id, ACTIONS[e.action], e.count) for e in events] == [
        ("2", 2, "1", "share", 1), ("1", 1, "", "share", 1), ("3", 3, "2", "comment", 1), ("", 0, "", "share", 3),
        ("4", 0, "", "share", 1)]
