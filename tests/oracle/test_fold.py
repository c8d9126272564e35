# SPDX-License-Identifier: Apache-2.0
"""The fold, against cases worked out by hand and against another way of counting."""
import json

from hypothesis import given, settings, strategies as st

from oracle import compare, fold, recorded
from oracle.fold import Event, Refused
from oracle.model import BUCKETS, HOUR, MINUTE, ratio
from oracle.rules import ACTIONS, SHARE, UNSHARE
from byhand import LIKE, T0, W, log, rule, said, win


# ---------------------------------------------------------------- windows


def test_a_bucket_leaves_at_exactly_its_time():
    l, p = log()
    l.add(T0 + 1999)  # 1m: width 2000; bucket of T0 leaves at T0 + 60000
    assert win(p, "1m", T0 + 1999) == 1
    assert win(p, "1m", T0 + 59_999) == 1
    assert win(p, "1m", T0 + 60_000) == 0
    assert win(p, "5m", T0 + 299_999) == 1
    assert win(p, "5m", T0 + 300_000) == 0


def test_a_late_event_goes_where_its_bucket_still_is():
    l, p = log()
    l.add(T0 + 60_000)
    l.add(T0 + 1_999)  # one bucket too old for 1m
    l.add(T0 + 2_000)  # the oldest bucket of 1m
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
    assert (shown["mean_depth"], shown["max_depth"], shown["root_share_fraction"]) == (
        "2.000000",
        "3",
        "0.500000",
    )
    assert shown["share_velocity"] == "8.000000"


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30 * HOUR),
            st.sampled_from([SHARE, LIKE]),
            st.sampled_from("ab"),
            st.integers(1, 5),
        ),
        min_size=1,
        max_size=120,
    ),
    st.integers(0, 30 * HOUR),
)
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
                expected = sum(
                    n
                    for t, s_then, a, c, n in kept
                    if a == action
                    and c == cid
                    and t // b >= s_then // b - 29
                    and at // b - 29 <= t // b <= at // b
                )
                assert win(p, name, at, cid, action) == expected


# ---------------------------------------------------------------- times


def test_times_and_refusals():
    l, p = log()
    l.raw(Event("a", SHARE, event_time=0), 0)  # nothing is known
    assert p.refused == {"no_time": 1}
    l.raw(Event("a", SHARE, event_time=T0), -1)  # no log time: no check
    assert (p.stream_ms, p.log_ms) == (T0, None)
    l.raw(Event("a", SHARE), T0 + 5)  # Kafka's time
    assert (p.stream_ms, p.log_ms) == (T0 + 5, T0 + 5)
    l.raw(Event("a", SHARE), 0)  # log time
    assert p.accepted == 3
    l.raw(Event("a", SHARE, event_time=T0 + 5 + 300_000), 1)  # ahead: counts at log time
    assert (p.stream_ms, p.clock_ahead) == (T0 + 5, 1)
    l.raw(Event("a", SHARE, event_time=T0 + 6 + 300_000), 1)
    assert p.refused["time_ahead"] == 1
    l.raw(Refused("decode"), T0 + 100)  # moves log time
    l.raw(None, T0 + 200)
    assert (p.log_ms, p.stream_ms, p.tombstones) == (T0 + 200, T0 + 5, 1)
    l.raw(Refused("kafka_ahead"), T0 + HOUR)  # does not
    assert p.log_ms == T0 + 200
    assert p.content_hash("a", T0 + 5)["last_ms"] == str(T0 + 5)


def test_forgetting():
    l, p = log(rule("shares_total >= 2"))
    l.add(T0, "a")
    l.add(T0, "a")
    l.add(T0, "b", kafka=T0 + HOUR)
    assert [s[2] for s in said(p)] == ["firing"]
    hour = T0 // HOUR
    l.raw(Refused("decode"), (hour + 721) * HOUR - 1)  # a's hour is not below 720 - 720
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
    l.add(T0 + 1, event_id="e")  # duplicate: does not move S
    assert (p.duplicates, p.stream_ms) == (1, T0)
    l.add(T0, event_id="e", cid="b")  # another content
    l.add(T0, event_id="e", action=UNSHARE)  # another action
    l.add(T0, event_id="l", action=LIKE)
    l.add(T0, event_id="l", action=LIKE)  # likes are not held against each other
    l.add(T0 + 600_000, cid="c")
    l.add(T0 + 600_001, event_id="e")  # S is 600000 later: still one
    assert p.duplicates == 2
    l.add(T0 + 600_001, cid="c")
    l.add(T0 + 600_001, event_id="e")  # S is 600001 later: not checked
    assert p.duplicates == 2
    assert p.content_hash("a", p.stream_ms)["shares_total"] == "1"  # two shares, one taken back


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
    l.add(T0, title="ab" + "é" * 30, url="u" * 60)  # 62 bytes
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
    l.add(T0, parent_event_id="p")  # not attributed
    assert "max_depth" not in p.content_hash("a", T0)
    for more in ({}, {"depth": 1}, {"depth": 5, "parent_event_id": "p"}):
        l.add(T0, **more)
    shown = p.content_hash("a", T0)
    assert (shown["mean_depth"], shown["max_depth"], shown["root_share_fraction"]) == (
        "2.333333",
        "5",
        "0.666667",
    )


def test_ratio_rounds_half_to_even():
    assert ratio(1, 128) == "0.007812"
    assert ratio(3, 128) == "0.023438"
    assert ratio(1, 640) == "0.001562"
    assert ratio(5) == "5.000000"


def test_trending_is_the_logarithm_of_the_sum():
    l, p = log()
    base = T0 // 1_800_000 * 1_800_000
    l.add(base, count=4)
    assert p.trending()["a"] == base / 1_800_000 + 2
    l.add(base + 1_800_000, count=2)  # 4 + 2*2 = 8
    assert p.trending()["a"] == base / 1_800_000 + 3
    l.add(base, count=8)  # late: 16
    assert p.trending()["a"] == base / 1_800_000 + 4


def test_minutes():
    l, p = log(ts_min_events=3)
    m = T0 // MINUTE * MINUTE
    l.add(m)
    l.add(m)
    l.add(m + 1, action=LIKE, count=2)  # the third: opens the minute
    l.add(m - 1)  # late: into the entry of the open minute
    assert p.content_ts("a") == []
    l.add(m + MINUTE, "b")  # stream time leaves the minute
    first = dict(zip(compare.TS_FIELDS, p.content_ts("a")[0][1]))
    assert {k: v for k, v in first.items() if v} == {"likes": 2, "late": 1}
    l.add(m + 30_000, count=5)  # waits for the next entry
    l.add(m + 3 * MINUTE)
    l.add(m + 9 * MINUTE, "b")
    assert [e[0] for e in p.content_ts("a")] == [m, m + 3 * MINUTE]
    second = dict(zip(compare.TS_FIELDS, p.content_ts("a")[1][1]))
    assert {k: v for k, v in second.items() if v} == {"shares": 1, "late": 5}


def test_minutes_count_from_the_first_that_opened():
    l, p = log(ts_min_events=2)
    m = T0 // MINUTE * MINUTE
    l.add(m)
    l.add(m - 1)  # the second, but its minute is over and none was opened yet
    l.add(m)
    l.add(m + MINUTE, "b")
    assert p.content_ts("a") == [(m, [int(i == SHARE) for i in range(14)])]


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
        {"ts": 9, "kind": "share", "content": "c", "id": "4"},
    ]
    (tmp_path / "s" / "events.ndjson").write_text("".join(json.dumps(r) + "\n" for r in rows))
    events = recorded.read(str(tmp_path), ["s"])
    assert [(e.event_id, e.depth, e.parent_event_id, ACTIONS[e.action], e.count) for e in events] == [
        ("2", 2, "1", "share", 1),
        ("1", 1, "", "share", 1),
        ("3", 3, "2", "comment", 1),
        ("", 0, "", "share", 3),
        ("4", 0, "", "share", 1),
    ]
