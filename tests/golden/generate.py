# SPDX-License-Identifier: Apache-2.0
"""Scenarios made at random from a seed: few names, times near the edges of buckets,
and everything that can go wrong."""
import json
import os
import random

ACTIONS = (
    "IMPRESSION VIEW SHARE_INTENT SHARE SHARE_CANCEL UNSHARE LIKE COMMENT SAVE MENTION CONVERSION HIDE REPORT"
).split()
T0 = 1_440_000_000_000  # a multiple of all widths
HOUR = 3_600_000
# Milliseconds between records: mostly within a bucket, sometimes at an edge, sometimes days.
STEPS = [0, 0, 0, 1, 7, 100, 999, 1000, 1999, 2000, 2001, 10_000, 30_000, 60_000]
LEAPS = [120_000, 299_999, 300_000, 599_999, 600_000, 600_001, 3_600_000, 7_200_000, 86_400_000]
FAR = [3 * 86_400_000, 29 * 86_400_000, 30 * 86_400_000, 31 * 86_400_000]

EXPRS = [
    'shares{{window="1m"}} >= {n}',
    'shares{{window="5m"}} > {n}',
    'shares{{window="1h"}} > {n} and likes{{window="5m"}} > 0',
    'shares{{window="1m",channel="qq"}} >= {n}',
    'shares_total{{channel="weibo"}} >= {n}',
    "shares_total >= {n}",
    "unique_sharers >= {n}",
    'max_depth >= {n} or shares{{window="1m"}} > 8',
    'views{{window="1m"}} / shares{{window="1m"}} > {n}',
    'events{{action="like",window="5m"}} * 2 > {n}',
    'mean_depth > 1.5 unless likes{{window="1m"}} > {n}',
    "share_velocity > {n}",
    "root_share_fraction < 0.5 and shares_total > {n}",
    'shares{{window="5m"}} < {n}',
    'shares{{window="1h"}} - unshares{{window="1h"}} >= {n}',
]
FORS = [None, None, None, "1s", "2s", "10s", "1m", "5m"]
RESETS = [None, None, None, 'shares{window="1m"} == 0', 'shares{window="5m"} < 2', "likes_total > 3"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.now = T0 + self.r.randrange(0, 86_400_000)
        self.lines, self.files, self.said = [f"# seed {seed}"], {}, []
        self.parts = self.r.choice([1, 1, 1, 2, 3])
        self.offsets = [0] * self.parts
        self.contents = [f"c{i}" for i in range(self.r.choice([2, 3, 8, 40]))]
        self.channels = ["weibo", "qq", "qzone", "wechat_moments"] + (
            [f"x{i}" for i in range(12)] if self.r.random() < 0.3 else []
        )
        self.actors = [f"u{i}" for i in range(self.r.choice([3, 70, 500]))]
        self.wild = self.r.choice([0.002, 0.02, 0.1])
        self.specs = []

    def pick(self, *choices):
        return self.r.choice(choices)

    def settings(self):
        put = self.lines.append
        put(f"parts {self.parts}")
        if self.r.random() < 0.3:
            put(
                f"windows {self.pick('1m 5m 1h', '30s 90s', '300ms 1s 1m', '1m', '1h 1m 7d 5m')}".replace(
                    "1s", "3s"
                )
            )
        put(f"ts_min_events {self.pick(1, 2, 3, 20)}")
        put(f"channels_max {self.pick(1, 2, 5, 256)}")
        put(f"views_min_events {self.pick(1, 1, 1, 3)}")
        put(f"dedup_window {self.pick(1000, 60_000, 600_000, 600_000)}")
        put(f"retention {self.pick(1, 2, 24, 720) * HOUR}")
        put(f"board_size {self.pick(1, 2, 3, 100)}")
        if self.parts > 1:
            for cid in self.contents:
                if self.r.random() < 0.1:
                    put(f"home {cid} t:{self.r.randrange(self.parts)}")

    def has_windows(self, text):
        line = next((x for x in self.lines if x.startswith("windows ")), "windows 1m 5m 1h 24h")
        names = line.split()[1:]
        return all(f'window="{w}"' not in text or w in names for w in ("1m", "5m", "1h"))

    def new_rule(self, name):
        spec = {"alert": name, "expr": self.r.choice(EXPRS).format(n=self.r.choice([0, 1, 2, 2, 3, 5, 9]))}
        if (wait := self.r.choice(FORS)) is not None:
            spec["for"] = wait
        if (reset := self.r.choice(RESETS)) is not None:
            spec["reset_expr"] = reset
        spec["labels"] = {"severity": self.pick("page", "ticket")}
        spec["annotations"] = {"summary": "{{ $labels.content_id }} at {{ $value }}", "text": "plain"}
        return spec if self.has_windows(json.dumps(spec).replace('\\"', '"')) else None

    def rules(self):
        """Another set: some go, some change, some move, some come."""
        specs = [s for s in self.specs if self.r.random() < 0.7]
        for s in specs:
            if self.r.random() < 0.1:
                s["alert"] += "x"
        for _ in range(self.r.randrange(1, 5)):
            if (spec := self.new_rule(f"R{len(self.files)}_{len(specs)}")) is not None:
                specs.append(spec)
        self.r.shuffle(specs)
        seen, self.specs = set(), []
        for s in specs:
            key = (s["expr"], s.get("for"), s.get("reset_expr"))
            if key not in seen:
                seen.add(key)
                self.specs.append(s)
        name = f"rules{len(self.files)}.yaml"
        self.files[name] = json.dumps({"groups": [{"name": "g", "rules": self.specs}]}, indent=1)
        self.lines.append(f"rules {name}")

    def event_time(self):
        roll = self.r.random()
        if roll < 0.75:
            return self.now
        if roll < 0.9:
            return self.now - self.r.choice(STEPS + LEAPS[:3])
        if roll < 0.9 + self.wild:
            return self.now - self.r.choice(LEAPS + FAR)
        if roll < 0.97:
            return self.now + self.pick(1, 1000, 299_999, 300_000, 300_001)
        return 0

    def event(self):
        r = self.r
        if self.said and r.random() < 0.08:
            event = dict(r.choice(self.said[-200:]))  # said twice
            if r.random() < 0.3:
                event["event_time"] = self.event_time()
            return event
        action = (
            r.choice(ACTIONS)
            if r.random() < 0.4
            else r.choice(["SHARE", "SHARE", "SHARE", "UNSHARE", "LIKE"])
        )
        event = {"content_id": r.choice(self.contents), "action": action, "channel": r.choice(self.channels)}
        if r.random() < 0.9:
            event["event_time"] = self.event_time()
        if r.random() < 0.7:
            event["event_id"] = f"e{r.randrange(400)}" if r.random() < 0.2 else f"n{r.randrange(10**9)}"
        if r.random() < 0.8:
            event["actor_id"] = r.choice(self.actors)
        if r.random() < 0.3:
            event["parent_event_id"] = f"e{r.randrange(400)}"
            event["parent_event_time"] = self.now - r.choice(STEPS + LEAPS[:3]) * (r.random() < 0.8)
        if r.random() < 0.3:
            event["depth"] = r.randrange(0, 6)
        if r.random() < 0.2:
            event["count"] = self.pick(1, 2, 5, 100, 4_294_967_295 if r.random() < 0.1 else 7)
        if r.random() < 0.1:
            event["title"] = self.pick("a title", "another", "x" * 60, "y" * 61, "äöü" * 25)
        if r.random() < 0.1:
            event["url"] = "http://x.example/" + "p" * r.choice([1, 43, 44, 100])
        if r.random() < 0.05:
            event["author_id"], event["content_type"] = "w" * r.choice([3, 61]), self.pick("video", "text")
        self.said.append(event)
        return {k: v for k, v in event.items() if v}

    def record(self):
        r = self.r
        leap = r.random()
        if leap < 0.7:
            self.now += r.choice(STEPS)
        elif leap < 0.7 + self.wild:
            self.now += r.choice(LEAPS)
        elif leap < 0.7 + self.wild * 1.1:
            self.now += r.choice(FAR)
        event = self.event()
        part = sum(map(ord, event["content_id"])) % self.parts
        if self.parts > 1 and f"home {event['content_id']} " in self.head and r.random() < 0.3:
            part = r.randrange(self.parts)
        what = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        if (odd := r.random()) < 0.01:
            what = "tombstone" if odd < 0.005 else "refused"
        kafka = self.now + r.choice([0, 0, 0, 0, 5, -1000, 60_000])
        if r.random() < 0.01:
            kafka = self.pick(0, -1, T0)
        self.lines.append(f"r {part} {self.offsets[part]} {kafka} {what}")
        self.offsets[part] += self.pick(1, 1, 1, 2)

    def make(self, records):
        self.settings()
        self.head = "\n".join(self.lines)
        with_rules = self.r.random() < 0.8
        for i in range(records):
            if with_rules and (i == 0 or self.r.random() < 4 / records):
                self.rules()
            self.record()
        for part in range(self.parts):
            if self.r.random() < 0.5:
                self.lines.append(f"view {part} {self.now + self.r.choice(STEPS + LEAPS)}")
        return self


def write(folder, seed, records):
    """Returns the path of the scenario."""
    made = Maker(seed).make(records)
    for name, text in made.files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    path = os.path.join(folder, f"seed{seed}.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(made.lines) + "\n")
    return path
