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

from .model import (
    BUCKETS,
    HALF_LIFE,
    HOUR,
    MINUTE,
    OTHER,
    SUPPRESSED,
    Alert,
    Config,
    Content,
    Counters,
    Event,
    Refused,
    Values,
)
from .rules import ACTIONS, SHARE, UNSHARE
from .shown import Shown, board, merged, tops

__all__ = ["Partition", "Config", "Event", "Refused", "Values", "board", "merged", "tops"]


class Partition(Shown):
    def __init__(self, topic, partition, config=None, rules=(), homes=None, kafka_ahead=()):
        """homes: content -> "<topic>:<partition>" that Redis says, where it is another one than this.
        kafka_ahead: offsets that a live owner refused by its own clock."""
        self.topic, self.partition = topic, partition
        self.name = f"{topic}:{partition}"
        self.config = config or Config()
        self.homes = homes or {}
        self.kafka_ahead = set(kafka_ahead)
        self.offset = 0  # next
        self.stream_ms = None
        self.log_ms = None
        self.contents = {}
        self.hours = {}  # hour -> ids of contents whose last hour may be it
        self.channels = {}  # name -> Counters, in order of arrival
        self.all = Counters()
        self.accepted_at = {}  # (content, event id, action) -> highest event time accepted
        self.timers = []  # heap of (time, content id, 0 bucket leaves | 1 for is over, rule index)
        self.alerts = []  # entries of the stream, in order
        self.latest = {}  # alert id -> its last entry
        self.active = {}  # alert id -> entry with due_ms
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
        self.raise_log_time(kafka_ms)  # 1
        if event is None:
            self.tombstones += 1
            return None
        if isinstance(event, Refused):  # 2
            return self.refuse(event.reason)
        t = self.time_of(event, kafka_ms)
        if isinstance(t, Refused):
            return self.refuse(t.reason)
        if self.is_duplicate(event):  # 3
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
        gone = [
            c
            for hour in [h for h in self.hours if h < oldest]
            for c in self.hours.pop(hour)
            if c in self.contents and self.contents[c].hour == hour
        ]
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
        if self.stream_ms is None or t > self.stream_ms:  # 4
            self.stream_ms = t
        self.run_timers()  # 5
        content = self.contents.get(cid)
        if content is None:
            content = self.contents[cid] = Content()
        judged_here = self.is_home(cid)
        if judged_here and len(content.judged) < len(self.rules):  # 6
            self.adopt(content)
        self.fold(cid, content, event, t)  # 7
        content.last_offset = offset
        if judged_here:  # 8
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
            self.take_back(
                event.parent_event_time if event.parent_event_time > 0 else t,
                n,
                mine,
                (mine, c.all, channel, self.all),
            )
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
        """The series: the minute stream time stands in is open from the content's first event in it."""
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
        del c.entries[: -self.config.ts_max]
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
        alert = content.status[rule.key] = Alert(rule, at, offset, ident)
        self.push_leaves(cid, content)
        if rule.for_ms == 0:
            self.fire(cid, alert, at, values)
        else:
            entry = self.entry(cid, alert, "pending", at, rule.figures(values))
            self.active[ident] = dict(entry, due_ms=at + rule.for_ms)
            self.push_for(cid, alert)

    def fire(self, cid, alert, at, values):
        alert.firing = True
        alert.fired_at = self.offset - 1
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
            "id": alert.id,
            "alertname": rule.name,
            "severity": rule.labels.get("severity", ""),
            "state": state,
            "entity": "content:" + cid,
            "content_id": cid,
            "channel": self.channel_top(self.contents[cid]),
            "title": self.contents[cid].title,
            "value": figures[0],
            "threshold": figures[1],
            "starts_ms": alert.since,
            "ends_ms": at if state == "resolved" else 0,
            "updated_ms": at,
            "topic": self.topic,
            "partition": self.partition,
            "offset": alert.offset,
            "fired_at": alert.fired_at,
            "rule_version": rule.version,
            "reason": reason,
            "labels": rule.labels,
            "annotations": rule.annotations,
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
            for rule in self.rules[index : index + 1] if is_for else self.rules:
                status = content.status.get(rule.key)
                if status is None or status is SUPPRESSED:
                    continue
                if is_for and (status.firing or status.since + rule.for_ms != at):
                    continue
                self.judge(cid, content, rule, at)
