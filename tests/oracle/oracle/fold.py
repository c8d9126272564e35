# SPDX-License-Identifier: Apache-2.0
"""The fold of one partition: records in, everything Redis must show out.

    p = Partition("shares", 0, Config(), rules.load(text))
    p.record(offset, kafka_ms, key, event)      event: Event, Refused, or None for a tombstone
    p.content_hash("a", view_ms)                fields of vir:c:{a} as text

All times are milliseconds. Strings are str; UTF-8 and code points sort alike, so max() and sorted()
on str are the byte order of Redis.
"""
import heapq
import math
from dataclasses import dataclass, field
from fractions import Fraction

from .rules import ACTIONS, PLURALS, SHARE, UNSHARE

BUCKETS = 30
HOUR = 3_600_000
MINUTE = 60_000
HALF_LIFE = 1_800_000
OTHER = "_other"
SHOWN_TEXT = 60


@dataclass
class Event:
    content_id: str
    action: int			# index into ACTIONS
    event_id: str = ""
    event_time: int = 0			# 0 = unknown
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
    windows: list = field(default_factory=lambda: [("1m", MINUTE), ("5m", 5 * MINUTE), ("1h", HOUR),
                                                   ("24h", 24 * HOUR)])
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

    __slots__ = ("rule", "firing", "since", "offset", "id", "title", "channel")

    def __init__(self, rule, since, offset, ident, title, channel):
        self.rule, self.firing, self.since, self.offset, self.id = rule, False, since, offset, ident
        self.title, self.channel = title, channel		# stay as they were at the beginning


SUPPRESSED = "suppressed"


class Content:
    def __init__(self):
        self.first_ms = self.last_ms = None
        self.hour = None		# of log time, at the last accepted record
        self.touched_ms = None		# stream time at the last accepted record
        self.last_offset = None
        self.events = 0			# accepted records
        self.title = self.content_type = self.url = self.author_id = ""
        self.all = Counters()
        self.channels = {}		# name -> Counters; windows for shares only
        self.shared_on = set()		# channels with at least one share ever
        self.actors = set()
        self.depths = {}		# depth -> SHARE records
        self.trend = None		# (e, m): the sum over shares is m * 2^e
        self.minute = None		# start of the open minute, its counts and late ones
        self.counts = None
        self.late = 0
        self.entries = []		# closed minutes: (start_ms, [13 counts, late])
        self.judged = set()		# keys of rules that have judged this content
        self.status = {}		# rule key -> SUPPRESSED or Alert
        self.pushed = set()		# times of its bucket leaves that stand in the timers

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


class Partition:
    def __init__(self, topic, partition, config=None, rules=(), homes=None, kafka_ahead=()):
        """homes: content -> "<topic>:<partition>" that Redis says, where it is another one than this.
        kafka_ahead: offsets that a live owner refused by its own clock."""
        self.topic, self.partition = topic, partition
        self.name = f"{topic}:{partition}"
        self.config = config or Config()
        self.homes = homes or {}
        self.kafka_ahead = set(kafka_ahead)
        self.offset = 0			# next
        self.stream_ms = None
        self.log_ms = None
        self.contents = {}
        self.hours = {}			# hour -> ids of contents whose last hour may be it
        self.channels = {}		# name -> Counters, in order of arrival
        self.all = Counters()
        self.accepted_at = {}		# (content, event id, action) -> highest event time accepted
        self.timers = []		# heap of (time, content id, 0 bucket leaves | 1 for is over, rule index)
        self.alerts = []		# entries of the stream, in order
        self.latest = {}		# alert id -> its last entry
        self.active = {}		# alert id -> entry with due_ms
        self.late = self.duplicates = self.clock_ahead = self.accepted = self.tombstones = 0
        self.refused = {}
        self.set_rules(rules)

    # ------------------------------------------------------------ one record

    def record(self, offset, kafka_ms, key, event):
        self.offset = offset + 1
        if offset in self.kafka_ahead:
            return self.refuse("kafka_ahead")
        if isinstance(event, Refused) and event.reason == "kafka_ahead":
            return self.refuse("kafka_ahead")
        self.raise_log_time(kafka_ms)							# 1
        if event is None:
            self.tombstones += 1
            return None
        if isinstance(event, Refused):							# 2
            return self.refuse(event.reason)
        t = self.time_of(event, kafka_ms)
        if isinstance(t, Refused):
            return self.refuse(t.reason)
        if self.is_duplicate(event):							# 3
            self.duplicates += 1
            return None
        self.accept(offset, event, t)
        return None

    def refuse(self, reason):
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def raise_log_time(self, kafka_ms):
        if kafka_ms <= 0 or (self.log_ms is not None and kafka_ms <= self.log_ms):
            return
        before = None if self.log_ms is None else self.log_ms // HOUR
        self.log_ms = kafka_ms
        if before != kafka_ms // HOUR:
            self.forget(kafka_ms // HOUR - self.config.retention // HOUR)

    def forget(self, oldest):
        gone = [c for hour in [h for h in self.hours if h < oldest] for c in self.hours.pop(hour)
                if c in self.contents and self.contents[c].hour == hour]
        for cid in sorted(gone):
            content = self.contents[cid]
            self.end_all(cid, content.status, "forgotten")
            del self.contents[cid]

    def time_of(self, event, kafka_ms):
        t = event.event_time
        if t <= 0:
            t = kafka_ms
        if t <= 0:
            t = self.log_ms if self.log_ms is not None else 0
        if t <= 0:
            return Refused("no_time")
        if self.log_ms is not None and t > self.log_ms:
            if t > self.log_ms + self.config.max_ahead:
                return Refused("time_ahead")
            self.clock_ahead += 1
            t = self.log_ms
        return t

    def is_duplicate(self, event):
        if event.action not in (SHARE, UNSHARE) or not event.event_id or self.stream_ms is None:
            return False
        first = self.accepted_at.get((event.content_id, event.event_id, event.action))
        return first is not None and first >= self.stream_ms - self.config.dedup_window

    def accept(self, offset, event, t):
        cid = event.content_id
        self.accepted += 1
        if self.stream_ms is None or t > self.stream_ms:				# 4
            self.stream_ms = t
        self.run_timers()								# 5
        content = self.contents.get(cid)
        if content is None:
            content = self.contents[cid] = Content()
        judged_here = self.is_home(cid)
        if judged_here and len(content.judged) < len(self.rules):			# 6
            self.adopt(content)
        self.fold(cid, content, event, t)						# 7
        content.last_offset = offset
        if judged_here:									# 8
            for rule in self.rules:
                self.judge(cid, content, rule, self.stream_ms, offset)

    def is_home(self, cid):
        return self.homes.get(cid, self.name) == self.name

    # ------------------------------------------------------------ the fold

    def slots(self, t):
        out = []
        for w, width in enumerate(self.config.widths):
            oldest = self.stream_ms // width - (BUCKETS - 1)
            if t // width >= oldest:
                out.append((w, t // width, oldest))
        return out

    def fold(self, cid, c, event, t):
        n, action, windows = max(event.count, 1), event.action, len(self.config.windows)
        if event.event_id and action in (SHARE, UNSHARE):
            key = (cid, event.event_id, action)
            self.accepted_at[key] = max(t, self.accepted_at.get(key, t))
        self.describe(cid, c, event, t)
        slots = self.slots(t)
        width = self.config.widths[self.config.longest]
        if t // width < self.stream_ms // width - (BUCKETS - 1):
            self.late += 1

        name = self.channel_name(event.channel)
        channel = self.channels[name]
        mine = c.channels.get(name)
        if mine is None:
            mine = c.channels[name] = Counters()
        for counters in (c.all, channel, self.all):
            counters.add(action, n, slots, windows)
        mine.add(action, n, slots if action == SHARE else (), windows)
        if action == SHARE:
            c.shared_on.add(name)
            self.fold_share(c, event, t, n)
        if action == UNSHARE:
            self.take_back(event.parent_event_time if event.parent_event_time > 0 else t, n, mine,
                           (mine, c.all, channel, self.all))
        self.fold_minute(c, action, n, t)
        if c.active():
            self.push_leaves(cid, c)

    def describe(self, cid, c, event, t):
        c.events += 1
        c.first_ms = t if c.first_ms is None else min(c.first_ms, t)
        c.last_ms = t if c.last_ms is None else max(c.last_ms, t)
        c.touched_ms = self.stream_ms
        hour = (self.log_ms or 0) // HOUR
        if hour != c.hour:
            c.hour = hour
            self.hours.setdefault(hour, {})[cid] = True
        c.title = event.title or c.title
        c.content_type = event.content_type or c.content_type
        c.url = event.url or c.url
        c.author_id = event.author_id or c.author_id

    def channel_name(self, name):
        if name in self.channels and name != OTHER:
            return name
        if len([1 for k in self.channels if k != OTHER]) >= self.config.channels_max:
            name = OTHER
        if name not in self.channels:
            self.channels[name] = Counters()
        return name

    def fold_share(self, c, event, t, n):
        if event.actor_id:
            c.actors.add(event.actor_id)
        depth = event.depth if event.depth else (0 if event.parent_event_id else 1)
        if depth:
            c.depths[depth] = c.depths.get(depth, 0) + 1
        e, rest = divmod(t, HALF_LIFE)
        m = n * 2.0 ** (rest / HALF_LIFE)
        if c.trend is None:
            c.trend = (e, m)
        else:
            e0, m0 = c.trend
            top = max(e, e0)
            c.trend = (top, math.ldexp(m, e - top) + math.ldexp(m0, e0 - top))

    def take_back(self, at, n, mine, all_four):
        rings = mine.win.get(SHARE)
        for w, width in enumerate(self.config.widths):
            bucket = at // width
            if rings is None or bucket < self.stream_ms // width - (BUCKETS - 1):
                continue
            gives = min(n, rings[w].get(bucket, 0))
            if gives:
                for counters in all_four:
                    counters.win[SHARE][w][bucket] -= gives
        gives = min(n, mine.totals[SHARE])
        for counters in all_four:
            counters.totals[SHARE] -= gives

    def fold_minute(self, c, action, n, t):
        """The series: an open minute is the one stream time stands in, from the content's first event in it."""
        now = self.stream_ms // MINUTE * MINUTE
        if c.minute is not None and c.minute < now:
            self.close_minute(c)
        if c.events < self.config.ts_min_events:
            return
        if t >= now and c.minute is None:
            c.minute, c.counts = now, [0] * len(ACTIONS)
        if t >= now:
            c.counts[action] += n
        elif c.minute is not None or c.entries:
            c.late += n

    def close_minute(self, c):
        c.entries.append((c.minute, c.counts + [c.late]))
        del c.entries[:-self.config.ts_max]
        c.minute, c.counts, c.late = None, None, 0

    # ------------------------------------------------------------ rules

    def set_rules(self, rules):
        """From this record boundary on these rules judge; what is gone resolves its alerts."""
        self.rules = list(rules)
        keys = {rule.key for rule in self.rules}
        for cid in sorted(self.contents):
            content = self.contents[cid]
            gone = {k: s for k, s in content.status.items() if k not in keys}
            self.end_all(cid, gone, "rule_removed")
            for key in gone:
                del content.status[key]
            content.judged &= keys
            for alert in content.active():
                alert.rule = next(r for r in self.rules if r.key == alert.rule.key)
        self.index = {rule.key: i for i, rule in enumerate(self.rules)}
        self.timers = []
        for cid, content in self.contents.items():
            content.pushed = set()
            if content.active():
                self.push_leaves(cid, content)
                for alert in content.active():
                    self.push_for(cid, alert)

    def adopt(self, content):
        values = Values(content, self.stream_ms, self.config)
        for rule in self.rules:
            if rule.key not in content.judged:
                content.judged.add(rule.key)
                if rule.true(values):
                    content.status[rule.key] = SUPPRESSED

    def judge(self, cid, content, rule, at, offset=None):
        """offset is None when it is time that judges."""
        values = Values(content, at, self.config)
        status = content.status.get(rule.key)
        true = rule.true(values)
        if status is None:
            if true and offset is not None:
                self.begin(cid, content, rule, at, offset, values)
        elif status is SUPPRESSED:
            if not true and offset is not None:
                del content.status[rule.key]
        elif not status.firing:
            if not true:
                del content.status[rule.key]
                del self.active[status.id]
            elif at - status.since >= rule.for_ms:
                self.fire(cid, status, at, values)
        elif not true and rule.may_reset(values):
            del content.status[rule.key]
            self.say(cid, status, "resolved", at, rule.figures(values))

    def begin(self, cid, content, rule, at, offset, values):
        ident = rule.alert_id("content:" + cid, self.topic, self.partition, at, offset)
        alert = content.status[rule.key] = Alert(rule, at, offset, ident, content.title,
                                                   self.channel_top(content))
        self.push_leaves(cid, content)
        if rule.for_ms == 0:
            self.fire(cid, alert, at, values)
        else:
            entry = self.entry(cid, alert, "pending", at, rule.figures(values))
            self.active[ident] = dict(entry, due_ms=at + rule.for_ms)
            self.push_for(cid, alert)

    def fire(self, cid, alert, at, values):
        alert.firing = True
        self.say(cid, alert, "firing", at, alert.rule.figures(values))

    def end_all(self, cid, statuses, reason):
        """Ends the given states of a content at stream time, in the order of the rules."""
        for _, status in sorted(statuses.items(), key=lambda item: self.index[item[0]]):
            if status is SUPPRESSED:
                continue
            if status.firing:
                self.say(cid, status, "resolved", self.stream_ms, (None, None), reason)
            else:
                del self.active[status.id]

    def say(self, cid, alert, state, at, figures, reason=""):
        entry = self.entry(cid, alert, state, at, figures, reason)
        self.alerts.append(entry)
        self.latest[alert.id] = entry
        if state == "resolved":
            del self.active[alert.id]
        else:
            self.active[alert.id] = dict(entry, due_ms=None)

    def entry(self, cid, alert, state, at, figures, reason=""):
        rule = alert.rule
        return {
            "id": alert.id, "alertname": rule.name, "severity": rule.labels.get("severity", ""),
            "state": state, "entity": "content:" + cid, "content_id": cid, "channel": alert.channel,
            "title": alert.title,
            "value": figures[0], "threshold": figures[1],
            "starts_ms": alert.since, "ends_ms": at if state == "resolved" else 0, "updated_ms": at,
            "topic": self.topic, "partition": self.partition, "offset": alert.offset,
            "rule_version": rule.version, "reason": reason,
            "labels": rule.labels, "annotations": rule.annotations,
        }

    # ------------------------------------------------------------ timers

    def push_leaves(self, cid, content):
        """Every time ahead at which one of the content's buckets leaves a window. Twice does no harm."""
        pushed = content.pushed
        for w, width in enumerate(self.config.widths):
            for ring in content.all.rings(w):
                for bucket in ring:
                    leaves = (bucket + BUCKETS) * width
                    if leaves > self.stream_ms and leaves not in pushed:
                        pushed.add(leaves)
                        heapq.heappush(self.timers, (leaves, cid, 0, 0))

    def push_for(self, cid, alert):
        if not alert.firing:
            heapq.heappush(self.timers, (alert.since + alert.rule.for_ms, cid, 1, self.index[alert.rule.key]))

    def run_timers(self):
        while self.timers and self.timers[0][0] <= self.stream_ms:
            at, cid, is_for, index = heapq.heappop(self.timers)
            content = self.contents.get(cid)
            if content is None:
                continue
            if not is_for:
                content.pushed.discard(at)
            for rule in self.rules[index:index + 1] if is_for else self.rules:
                status = content.status.get(rule.key)
                if status is None or status is SUPPRESSED:
                    continue
                if is_for and (status.firing or status.since + rule.for_ms != at):
                    continue
                self.judge(cid, content, rule, at)

    # ------------------------------------------------------------ what is shown

    def counters_hash(self, counters, view_ms):
        out = {f"{p}_total": str(n) for p, n in zip(PLURALS, counters.totals)}
        for action in counters.win:
            for w, (name, _) in enumerate(self.config.windows):
                out[f"{PLURALS[action]}_{name}"] = str(
                    counters.window(action, w, self.config.widths[w], view_ms))
        return out

    def content_hash(self, cid, view_ms):
        """Fields of vir:c:{id} at a view time that is stream time or later; without as_of_ms.
        A count of 0 may be left out there as well as here."""
        c = self.contents[cid]
        out = self.counters_hash(c.all, view_ms)
        out.update(content_id=cid, home=self.name, first_ms=str(c.first_ms), last_ms=str(c.last_ms))
        out["title"] = cut_utf8(c.title, SHOWN_TEXT)
        out["content_type"] = c.content_type
        out["url"] = c.url if len(c.url.encode()) <= SHOWN_TEXT else ""
        out["channel_top"] = self.channel_top(c)
        out["share_velocity"] = self.velocity(cid, view_ms)
        if c.actors:
            out["unique_sharers"] = str(len(c.actors))
        figures = c.depth_figures()
        if figures:
            n, total, highest, roots = figures
            out.update(mean_depth=ratio(total, n), max_depth=str(highest), root_share_fraction=ratio(roots, n))
        return {k: v for k, v in out.items() if v != ""}

    def velocity(self, cid, view_ms):
        w = self.config.shortest
        shares = self.contents[cid].all.window(SHARE, w, self.config.widths[w], view_ms)
        return ratio(shares * MINUTE, self.config.windows[w][1])

    def channel_top(self, c):
        shares, name = max(((c.channels[n].totals[SHARE], n) for n in c.shared_on), default=(0, ""))
        return name if shares else ""

    def content_channels(self, cid):
        c = self.contents[cid]
        return {name: str(c.channels[name].totals[SHARE]) for name in c.shared_on}

    def content_info(self, cid):
        c = self.contents[cid]
        texts = {"title": c.title, "url": c.url, "author_id": c.author_id}
        if all(len(v.encode()) <= SHOWN_TEXT for v in texts.values()):
            return {}
        return {k: v for k, v in texts.items() if v}

    def content_ts(self, cid):
        """Closed minutes: [(start_ms, [13 counts, late])], as stream time stands now."""
        c = self.contents[cid]
        entries = list(c.entries)
        if c.minute is not None and c.minute < self.stream_ms // MINUTE * MINUTE:
            entries.append((c.minute, c.counts + [c.late]))
        return entries[-self.config.ts_max:]

    def shown(self):
        """Ids of the contents that have views."""
        return [cid for cid, c in self.contents.items()
                if c.events >= self.config.min_events and self.is_home(cid)]

    def window_shares(self, w, view_ms, channel=None):
        """content -> shares in the window, those with one at least."""
        out = {}
        width = self.config.widths[w]
        for cid in self.shown():
            c = self.contents[cid]
            counters = c.all if channel is None else c.channels.get(channel)
            n = counters.window(SHARE, w, width, view_ms) if counters else 0
            if n > 0:
                out[cid] = n
        return out

    def trending(self):
        return {cid: c.trend_score() for cid, c in ((cid, self.contents[cid]) for cid in self.shown())
                if c.trend is not None}


# ---------------------------------------------------------------- over all partitions

def board(scores, most=100):
    """[(content, score)] as ZREVRANGE gives it: score, then id, both falling."""
    return sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True)[:most]


def merged(partitions, view_ms, channel=None):
    """Fields of vir:all or vir:ch:{channel} at a view time; every partial read at the same time."""
    out = {}
    for p in partitions:
        counters = p.all if channel is None else p.channels.get(channel)
        if counters is None:
            continue
        for k, v in p.counters_hash(counters, view_ms).items():
            out[k] = str(int(out.get(k, "0")) + int(v))
    return out


def tops(partitions, views, w, channel=None, most=100):
    """The leaderboard of a window; views: partition name -> its view time."""
    scores = {}
    for p in partitions:
        if p.stream_ms is not None:
            scores.update(p.window_shares(w, views.get(p.name, p.stream_ms), channel))
    return board(scores, most)
