# SPDX-License-Identifier: Apache-2.0
"""What the fold is made of: an event, the settings, counters with windows, a content, what rules see of it.

All times are milliseconds. Strings are str; UTF-8 and code points sort alike, so max() and sorted()
on str are the byte order of Redis.
"""
import math
from dataclasses import dataclass, field
from fractions import Fraction

from .rules import ACTIONS, SHARE

BUCKETS = 30
HOUR = 3_600_000
MINUTE = 60_000
HALF_LIFE = 1_800_000
OTHER = "_other"
SHOWN_TEXT = 60


@dataclass
class Event:
    content_id: str
    action: int  # index into ACTIONS
    event_id: str = ""
    event_time: int = 0  # 0 = unknown
    channel: str = "unknown"
    actor_id: str = ""
    parent_event_id: str = ""
    parent_event_time: int = 0
    depth: int = 0
    count: int = 1
    title: str = ""
    content_type: str = ""
    url: str = ""
    author_id: str = ""


@dataclass
class Refused:
    reason: str


@dataclass
class Config:
    windows: list = field(
        default_factory=lambda: [("1m", MINUTE), ("5m", 5 * MINUTE), ("1h", HOUR), ("24h", 24 * HOUR)]
    )
    max_ahead: int = 5 * MINUTE
    retention: int = 720 * HOUR
    dedup_window: int = 10 * MINUTE
    channels_max: int = 256
    ts_min_events: int = 20
    ts_max: int = 1440
    min_events: int = 1

    def __post_init__(self):
        self.widths = [span // BUCKETS for _, span in self.windows]
        spans = [span for _, span in self.windows]
        self.shortest, self.longest = spans.index(min(spans)), spans.index(max(spans))

    def window_names(self):
        return [name for name, _ in self.windows]


def cut_utf8(text, most):
    return text.encode()[:most].decode(errors="ignore")


def ratio(num, den=1):
    """Six decimals, half to even, exactly."""
    millionths = round(Fraction(num) / Fraction(den) * 1_000_000)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}"


class Counters:
    """Totals and windows of the 13 actions. win[action] = for each window a dict bucket -> count."""

    __slots__ = ("totals", "win")

    def __init__(self):
        self.totals = [0] * len(ACTIONS)
        self.win = {}

    def add(self, action, n, slots, windows):
        """slots: (window, bucket, oldest bucket in the ring) of every window the event still fits in."""
        self.totals[action] += n
        if not slots:
            return
        rings = self.win.get(action)
        if rings is None:
            rings = self.win[action] = [{} for _ in range(windows)]
        for w, bucket, oldest in slots:
            ring = rings[w]
            ring[bucket] = ring.get(bucket, 0) + n
            if len(ring) > 2 * BUCKETS:
                for old in [b for b in ring if b < oldest]:
                    del ring[old]

    def window(self, action, w, width, view_ms):
        rings = self.win.get(action)
        if rings is None:
            return 0
        newest = view_ms // width
        return sum(n for b, n in rings[w].items() if newest - BUCKETS < b <= newest)

    def rings(self, w):
        return [rings[w] for rings in self.win.values()]


class Alert:
    """A rule that is pending or firing for a content."""

    __slots__ = ("rule", "firing", "since", "offset", "id", "fired_at")

    def __init__(self, rule, since, offset, ident):
        self.rule, self.firing, self.since, self.offset, self.id = rule, False, since, offset, ident
        self.fired_at = None  # offset of the record that brought it to fire


SUPPRESSED = "suppressed"


class Content:
    def __init__(self):
        self.first_ms = self.last_ms = None
        self.hour = None  # of log time, at the last accepted record
        self.touched_ms = None  # stream time at the last accepted record
        self.last_offset = None
        self.events = 0  # accepted records
        self.title = self.content_type = self.url = self.author_id = ""
        self.all = Counters()
        self.channels = {}  # name -> Counters; windows for shares only
        self.shared_on = set()  # channels with at least one share ever
        self.actors = set()
        self.depths = {}  # depth -> SHARE records
        self.trend = None  # (e, m): the sum over shares is m * 2^e
        self.minute = None  # start of the open minute, its counts and late ones
        self.counts = None
        self.late = 0
        self.entries = []  # closed minutes: (start_ms, [13 counts, late])
        self.judged = set()  # keys of rules that have judged this content
        self.status = {}  # rule key -> SUPPRESSED or Alert
        self.pushed = set()  # times of its bucket leaves that stand in the timers

    def unique_sharers(self):
        return len(self.actors) if self.actors else None

    def depth_figures(self):
        """(records, sum, highest, records of depth 1) or None."""
        n = sum(self.depths.values())
        if n == 0:
            return None
        return n, sum(d * k for d, k in self.depths.items()), max(self.depths), self.depths.get(1, 0)

    def active(self):
        return [s for s in self.status.values() if s is not SUPPRESSED]

    def trend_score(self):
        if self.trend is None:
            return None
        e, m = self.trend
        return e + math.log2(m)


class Values:
    """What an expression sees of a content at a time."""

    __slots__ = ("content", "at", "config")

    def __init__(self, content, at, config):
        self.content, self.at, self.config = content, at, config

    def counters(self, channel):
        return self.content.all if channel is None else self.content.channels.get(channel)

    def window(self, action, w, channel):
        counters = self.counters(channel)
        return counters.window(action, w, self.config.widths[w], self.at) if counters else 0

    def total(self, action, channel):
        counters = self.counters(channel)
        return counters.totals[action] if counters else 0

    def estimate(self, name):
        if name == "share_velocity":
            w = self.config.shortest
            return self.window(SHARE, w, None) / (self.config.windows[w][1] / MINUTE)
        if name == "unique_sharers":
            n = self.content.unique_sharers()
            return None if n is None else float(n)
        figures = self.content.depth_figures()
        if figures is None:
            return None
        n, total, highest, roots = figures
        return {"mean_depth": total / n, "max_depth": float(highest), "root_share_fraction": roots / n}[name]
