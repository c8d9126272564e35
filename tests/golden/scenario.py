# SPDX-License-Identifier: Apache-2.0
"""A scenario folded by the Python oracle, and the text of vr_golden held against it.

    lines = run("scenarios/late.txt")                what vr_golden prints
    differences("scenarios/late.txt", lines)         [] when the oracle says the same
"""
import json
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../oracle"))

from oracle import fold, rules, wire  # noqa: E402
from oracle.alerts import UNIQUES_ERROR, UNIQUES_EXACT  # noqa: E402
from oracle.model import Config, Refused  # noqa: E402
from oracle.rules import PLURALS, SHARE  # noqa: E402

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
NAMES = {"views_min_events": "min_events"}


def binary():
    return os.environ.get("VR_GOLDEN") or os.path.join(
        os.environ.get("VR_BUILD", os.path.join(HERE, "../../build/tests/asan-ubsan")),
        "tests/golden/vr_golden",
    )


def run(*args):
    done = subprocess.run([binary(), *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(
            f"vr_golden {' '.join(map(str, args))}: {done.returncode}\n{done.stderr[-2000:]}"
        )
    return done.stdout.splitlines()


# ---------------------------------------------------------------- the oracle


def window(name):
    digits = name.rstrip("msdh")
    return name, int(digits) * UNITS[name[len(digits) :]]


class Scenario:
    def __init__(self, path):
        self.path, self.settings, self.homes, self.views = path, {}, {}, {}
        self.n_parts, self.parts, self.board_size, self.top_channels = 1, [], 100, 64
        with open(path, encoding="utf-8") as f:
            for line in f:
                line = line.rstrip("\n")
                if line and not line.startswith("#"):
                    self.line(*line.split(" ", 1))
        self.begin()

    def line(self, word, rest):
        if word == "windows":
            self.settings["windows"] = sorted(map(window, rest.split()), key=lambda w: w[1])
        elif word == "parts":
            self.n_parts = int(rest)
        elif word in ("board_size", "top_channels"):
            setattr(self, word, int(rest))
        elif word == "home":
            content, home = rest.rsplit(" ", 1)
            self.homes[content] = home
        elif word == "rules":
            self.begin()
            self.rules(rest)
        elif word == "view":
            part, ms = rest.split()
            self.views[int(part)] = int(ms)
        elif word == "r":
            self.begin()
            self.record(*rest.split(" ", 3))
        else:
            self.settings[NAMES.get(word, word)] = int(rest)

    def begin(self):
        if not self.parts:
            config = Config(**self.settings)
            self.parts = [fold.Partition("t", i, config, homes=self.homes) for i in range(self.n_parts)]

    def rules(self, name):
        with open(os.path.join(os.path.dirname(self.path), name), encoding="utf-8") as f:
            text = f.read()
        for p in self.parts:
            p.set_rules(rules.load(text, p.config.window_names()))

    def record(self, part, offset, kafka_ms, what):
        if what == "tombstone":
            event = None
        elif what == "refused":
            event = Refused("decode")
        else:
            event = wire.decode(what.encode())
        self.parts[int(part)].record(int(offset), int(kafka_ms), b"", event)

    def views_by_name(self):
        return {p.name: max(self.views.get(p.partition, 0), p.stream_ms or 0) for p in self.parts}


# ---------------------------------------------------------------- what must be there


def is_count(name):
    return any(name.startswith(p + "_") for p in PLURALS)


def nonzero(fields):
    return {
        k: v
        for k, v in fields.items()
        if not (is_count(k) and v == "0") and not (k == "share_velocity" and v == "0.000000")
    }


def expected_views(s, shown):
    """The rows of contents; shown: content -> as_of_ms that the engine told."""
    rows = {}
    for p in s.parts:
        for cid in p.shown():
            at = shown.get(cid, p.stream_ms)
            for k, v in nonzero(p.content_hash(cid, at)).items():
                rows["c", cid, k] = v
            rows["c", cid, "as_of_ms"] = str(at)
            for k, v in p.content_channels(cid).items():
                rows["channels", cid, k] = v
            for k, v in p.content_info(cid).items():
                rows["info", cid, k] = v
        for cid in p.here():
            for start, counts in p.content_ts(cid):
                names = zip(PLURALS + ["late"], counts)
                rows["ts", cid, str(start)] = "\t".join(f"{k}={v}" for k, v in names if v)
    return rows


def expected_part(p):
    return {
        "stream": p.stream_ms or 0,
        "log": p.log_ms or 0,
        "contents": len(p.contents),
        "pending": sum(a["state"] == "pending" for a in p.active.values()),
        "firing": sum(a["state"] == "firing" for a in p.active.values()),
        "folded": p.accepted,
        "duplicates": p.duplicates,
        "refused": sum(p.refused.values()),
        "passed": p.tombstones,
        "late": p.late,
    }


def expected_merged(s, highest):
    rows = {("merged", "_all", k): v for k, v in fold.merged(s.parts, highest).items()}
    for channel in {c for p in s.parts for c in p.channels}:
        for k, v in fold.merged(s.parts, highest, channel).items():
            rows["merged", channel, k] = v
    return {k: v for k, v in rows.items() if v != "0"}


def expected_boards(s, views, entities):
    """entities: those that have boards; the first is _all."""
    rows = {}
    for entity in entities:
        for w, (name, _) in enumerate(s.parts[0].config.windows):
            best = fold.tops(s.parts, views, w, None if entity == "_all" else entity, s.board_size)
            for rank, (cid, n) in enumerate(best, 1):
                rows["board", entity, name, str(rank)] = (cid, n)
    return rows


# ---------------------------------------------------------------- comparison


class Shown:
    """The lines of vr_golden, sorted into what they are about."""

    def __init__(self, lines):
        self.rows, self.alerts, self.active, self.parts, self.merge = {}, {}, {}, {}, {}
        self.merged, self.boards, self.trend, self.minutes = {}, {}, [], {}
        for line in lines:
            kind, *words = line.split("\t")
            getattr(self, "add_" + kind)(words)

    def add_c(self, words, kind="c"):
        name, value = words[1].split("=", 1)
        self.rows[kind, words[0], name] = value

    def add_channels(self, words):
        self.add_c(words, "channels")

    def add_info(self, words):
        self.add_c(words, "info")

    def add_ts(self, words):
        start, first = words[1].split("=", 1)
        self.rows["ts", words[0], start] = "\t".join([first] + words[2:])

    def add_part(self, words):
        self.parts[int(words[0])] = {k: int(v) for k, v in (w.split("=") for w in words[1:])}

    def add_alert(self, words):
        fields = dict(w.split("=", 1) for w in words)
        self.alerts.setdefault(int(fields["partition"]), []).append(fields)

    def add_active(self, words):
        fields = dict(w.split("=", 1) for w in words)
        self.active[fields["id"]] = fields

    def add_merge(self, words):
        self.merge = {k: int(v) for k, v in (w.split("=") for w in words)}

    def add_merged(self, words):
        name, value = words[1].split("=")
        self.merged["merged", words[0], name] = value

    def add_board(self, words):
        entity, name, rank, cid, score, _ = words
        if name == "trend":
            self.trend.append((cid, float(score)))
        else:
            self.boards["board", entity, name, rank] = (cid, int(score))

    def add_minute(self, words):
        self.minutes[words[0], int(words[1])] = {k: int(v) for k, v in (w.split("=") for w in words[2:])}


def same_uniques(a, b):
    return a and b and int(b) > UNIQUES_EXACT and abs(int(a) - int(b)) <= UNIQUES_ERROR * int(b)


def diff_rows(out, shown, expected):
    for key in sorted(shown.keys() | expected.keys()):
        a, b = shown.get(key), expected.get(key)
        if a != b and not (key[-1] == "unique_sharers" and same_uniques(a, b)):
            out.append(f"{' '.join(key)}: engine {a!r}, oracle {b!r}")


def same_figure(shown, right):
    if right is None:
        return True
    if math.isnan(right):
        return shown == "NaN"
    return math.isclose(float(shown), right, rel_tol=1e-5, abs_tol=1e-6)


ALERT_EXACT = (
    "id alertname severity state entity content_id channel title starts_ms ends_ms updated_ms "
    "topic partition offset rule_version reason"
).split()


def diff_alert(out, what, a, b):
    for name in ALERT_EXACT:
        if a[name] != str(b[name]):
            out.append(f"{what} {name}: engine {a[name]!r}, oracle {b[name]!r}")
    for name in ("value", "threshold"):
        exact = not b["reason"] and not (b[name] is not None and b[name] > UNIQUES_EXACT and "uniq" in what)
        if exact and not same_figure(a[name], b[name]):
            out.append(f"{what} {name}: engine {a[name]!r}, oracle {b[name]!r}")
    if json.loads(a["labels"]).items() < b["labels"].items():
        out.append(f"{what} labels: engine {a['labels']}, oracle {b['labels']}")
    for k, v in b["annotations"].items():
        if "{{" not in v and json.loads(a["annotations"])[k] != v:
            out.append(f"{what} annotation {k}: engine {a['annotations']}, oracle {v!r}")


def diff_alerts(out, shown, p):
    mine = shown.alerts.get(p.partition, [])
    for i, (a, b) in enumerate(zip(mine, p.alerts)):
        before = len(out)
        diff_alert(out, f"alert {p.name} {i} {b['alertname']} {b['content_id']} {b['state']}", a, b)
        if len(out) > before:
            break
    if len(mine) != len(p.alerts):
        out.append(f"alerts {p.name}: engine {len(mine)}, oracle {len(p.alerts)}")


def diff_active(out, shown, s):
    expected = {i: a for p in s.parts for i, a in p.active.items()}
    for i in sorted(shown.active.keys() ^ expected.keys()):
        where = "engine" if i in shown.active else "oracle"
        a = shown.active.get(i) or expected[i]
        out.append(
            f"active only in the {where}: {a['alertname']} {a['content_id']} {a['state']} {a['starts_ms']}"
        )
    for i in shown.active.keys() & expected.keys():
        a, b = shown.active[i], expected[i]
        diff_alert(out, f"active {a['alertname']} {a['content_id']}", a, b)
        if a["due_ms"] != str(b["due_ms"] or 0):
            out.append(f"active {a['alertname']} due_ms: engine {a['due_ms']}, oracle {b['due_ms']}")


def diff_trend(out, shown, s):
    scores = {cid: x for p in s.parts for cid, x in p.trending().items()}
    best = fold.board(scores, s.board_size)
    if len(best) != len(shown):
        out.append(f"trend: engine {len(shown)} rows, oracle {len(best)}")
    for (cid, a), (_, b) in zip(shown, best):
        if not math.isclose(a, b, rel_tol=1e-9) or not math.isclose(a, scores.get(cid, 0), rel_tol=1e-9):
            out.append(f"trend {cid}: engine {a}, oracle {scores.get(cid)}, {b} at this rank")


def differences(path, lines, as_is=False):
    s, shown, out = Scenario(path), Shown(lines), []
    views = s.views_by_name()
    for p in s.parts:
        mine = shown.parts[p.partition]
        for k, v in expected_part(p).items():
            if mine[k] != v:
                out.append(f"part {p.name} {k}: engine {mine[k]}, oracle {v}")
    as_of = {cid: int(v) for (kind, cid, name), v in shown.rows.items() if kind == "c" and name == "as_of_ms"}
    for p in s.parts:
        for cid in p.shown():
            at = as_of.get(cid, 0)
            if not (p.contents[cid].touched_ms <= at <= views[p.name]) or (not as_is and at != views[p.name]):
                out.append(f"c {cid} as_of_ms: engine {at}, view time {views[p.name]}")
    diff_rows(out, shown.rows, expected_views(s, as_of))
    for p in s.parts:
        diff_alerts(out, shown, p)
    diff_active(out, shown, s)
    views = {p.name: views[p.name] for p in s.parts if p.stream_ms is not None}
    if views:
        highest = max(views.values())
        diff_rows(out, shown.merged, expected_merged(s, highest))
        entities = ["_all"] + sorted({e for _, e, *_ in shown.boards} - {"_all"})
        if s.top_channels >= 64:
            longest = s.parts[0].config.windows[-1][0]
            merged = expected_merged(s, highest)
            busy = {e for _, e, name in merged if name == f"shares_{longest}"}
            entities = ["_all"] + sorted(busy - {"_all"})
        diff_rows(out, shown.boards, expected_boards(s, views, entities))
        for key, right in (("as_of", highest), ("spread", highest - min(views.values()))):
            if shown.merge[key] != right:
                out.append(f"merge {key}: engine {shown.merge[key]}, oracle {right}")
    diff_trend(out, shown.trend, s)
    return out
