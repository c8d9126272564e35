# SPDX-License-Identifier: Apache-2.0
"""Every key that Redis shows, against the folds of all partitions.

    report = compare(live, alerts, partitions)
    assert report.ok, report.text()

live and alerts are redis-py clients (decode_responses off) of the two databases; they may be the same.
Redis must be at rest at the offsets folded. Compared are the contents at their own as_of_ms, merged views
at the highest view time, boards at each partition's view time as vir:meta:parts says.
"""
import json
import math
from collections import Counter

from .fold import OTHER, SHOWN_TEXT, board, cut_utf8, merged, ratio, tops
from .rules import PLURALS, SHARE, uses

UNIQUES_EXACT = 64
UNIQUES_ERROR = 5 * 1.04 / math.sqrt(4096)
TREND_ERROR = 1e-9
BOARD_MOST = 100
BOARD_CHANNELS = 64
TS_FIELDS = PLURALS + ["late"]
CHUNK = 500


class Report:
    def __init__(self):
        self.differences = []
        self.counts = Counter()
        self.stale = []			# contents whose drained windows are not rewritten yet

    def differ(self, text):
        self.differences.append(text)

    def same(self, what, shown, expected):
        self.counts["fields"] += 1
        if shown != expected:
            self.differ(f"{what}: shown {shown!r}, expected {expected!r}")
            return False
        return True

    def need(self, *names):
        """A comparison that compared nothing proves nothing."""
        for name in names:
            if not self.counts[name]:
                self.differ(f"nothing compared: {name} is 0")

    @property
    def ok(self):
        return not self.differences

    def text(self, most=50):
        lines = self.differences[:most]
        if len(self.differences) > most:
            lines.append(f"... {len(self.differences) - most} more")
        lines.append(" ".join(f"{k}={v}" for k, v in sorted(self.counts.items())) + f" stale={len(self.stale)}"
                     f" differences={len(self.differences)}")
        return "\n".join(lines)


# ---------------------------------------------------------------- reading

def text(raw):
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw


def text_hash(raw):
    return {text(k): text(v) for k, v in (raw or {}).items()}


def text_stream(raw):
    return [(text(i), {text(k): text(v) for k, v in f.items()}) for i, f in raw or []]


READ = {
    "hash": lambda r, k: r.hgetall(k),
    "set": lambda r, k: r.smembers(k),
    "zset": lambda r, k: r.zrevrange(k, 0, -1, withscores=True),
    "stream": lambda r, k: r.xrange(k),
    "list": lambda r, k: r.lrange(k, 0, -1),
    "string": lambda r, k: r.get(k),
}
SHAPE = {
    "hash": text_hash,
    "set": lambda raw: {text(v) for v in raw},
    "zset": lambda raw: [(text(m), s) for m, s in raw],
    "stream": text_stream,
    "list": lambda raw: [text(v) for v in raw],
    "string": text,
}


def read_all(client, prefix):
    """key -> (type, value) of every key with the prefix. Merged views come last and from one MULTI, so that
    no content is younger than what vir:meta:parts says."""
    keys = sorted(k for k in set(client.scan_iter(match=prefix + "*", count=10_000)))
    types = {}
    for part in chunks(keys):
        pipe = client.pipeline(transaction=False)
        for k in part:
            pipe.type(k)
        types.update(zip(part, map(text, pipe.execute())))
    contents = (prefix + "c:{").encode()
    together = [k for k in keys if not k.startswith(contents)]
    out = {}
    for part in [*chunks([k for k in keys if k.startswith(contents)]), together]:
        part = [k for k in part if types[k] in READ]
        pipe = client.pipeline(transaction=True)
        for k in part:
            READ[types[k]](pipe, k)
        for k, raw in zip(part, pipe.execute() if part else []):
            out[text(k)] = (types[k], SHAPE[types[k]](raw))
    return out


def chunks(rows, size=CHUNK):
    for at in range(0, len(rows), size):
        yield rows[at:at + size]


class Shown:
    """What was read, with note of what has been looked at."""

    def __init__(self, report, rows):
        self.report, self.rows, self.seen = report, rows, set()

    def take(self, key, type_, empty):
        self.seen.add(key)
        found, value = self.rows.get(key, (type_, empty))
        if found != type_:
            self.report.differ(f"{key}: is a {found}, expected a {type_}")
            return empty
        return value

    def rest(self):
        return sorted(k for k in self.rows if k not in self.seen)


# ---------------------------------------------------------------- contents

def without_zero(fields):
    return {k: v for k, v in fields.items()
            if not (v == "0" and is_count(k)) and not (k == "share_velocity" and v == "0.000000")}


def is_count(name):
    return any(name.startswith(p + "_") for p in PLURALS)


def is_window(name):
    return is_count(name) and not name.endswith("_total")


def close_uniques(shown, exact):
    if exact <= UNIQUES_EXACT:
        return shown == str(exact)
    return shown.isdigit() and abs(int(shown) - exact) <= UNIQUES_ERROR * exact


def same_fields(report, key, shown, expected):
    shown, expected = without_zero(shown), without_zero(expected)
    for name in sorted(shown.keys() | expected.keys()):
        a, b = shown.get(name), expected.get(name)
        report.counts["fields"] += 1
        if is_window(name):
            report.counts["windows"] += 1		# not zero on one side at least
        if a == b or (name == "unique_sharers" and a and b and close_uniques(a, int(b))):
            continue
        report.differ(f"{key} {name}: shown {a!r}, expected {b!r}")


def number(report, what, value):
    if value is None or not value.lstrip("-").isdigit():
        report.differ(f"{what}: shown {value!r}, expected a number")
        return None
    return int(value)


def compare_content(report, p, cid, key, shown, channels, info, series, view_ms=None):
    """One content; view_ms: the partition's view time, where known."""
    content = p.contents[cid]
    report.counts["contents"] += 1
    if not shown:
        report.differ(f"{key}: missing")
        return
    at = number(report, f"{key} as_of_ms", shown.get("as_of_ms"))
    if at is None:
        return
    if at < content.touched_ms:
        report.differ(f"{key} as_of_ms: shown {at}, older than the last record's stream time {content.touched_ms}")
        return
    if view_ms is not None and at > view_ms:
        report.differ(f"{key} as_of_ms: shown {at}, after the partition's view time {view_ms}")
    same_fields(report, key, {k: v for k, v in shown.items() if k != "as_of_ms"}, p.content_hash(cid, at))
    if view_ms is not None and is_stale(p, content, at, view_ms):
        report.stale.append(cid)
    report.same(key + ":channels", channels, p.content_channels(cid))
    report.same(key + ":info", info, p.content_info(cid))
    compare_series(report, key + ":ts", series, p.content_ts(cid))


def is_stale(p, content, at, view_ms):
    """Is a window shown that has drained a bucket's width and 10 s ago?"""
    for w, width in enumerate(p.config.widths):
        before = view_ms - width - 10_000
        if before > at and any(content.all.window(a, w, width, at) != content.all.window(a, w, width, before)
                               for a in content.all.win):
            return True
    return False


def compare_series(report, key, shown, expected):
    wanted = [(f"{start}-0", dict(zip(TS_FIELDS, map(str, counts)))) for start, counts in expected]
    report.counts["minutes"] += len(wanted)
    report.counts["fields"] += len(wanted) * len(TS_FIELDS)
    if shown == wanted:
        return
    a, b = dict(shown), dict(wanted)
    for i in sorted(a.keys() | b.keys()):
        if a.get(i) != b.get(i):
            report.differ(f"{key} {i}: shown {nonzero(a.get(i))}, expected {nonzero(b.get(i))}")


def nonzero(fields):
    return fields and {k: v for k, v in fields.items() if v != "0"}


# ---------------------------------------------------------------- merged views

class Parts:
    """vir:meta:parts against the folds; gives view times."""

    def __init__(self, report, raw, partitions):
        self.views, self.complete = {}, True
        for p in partitions:
            line = raw.get(p.name)
            if p.stream_ms is None:
                continue
            words = (line or "").split(" ")
            if len(words) != 4 or not all(w.lstrip("-").isdigit() for w in words):
                report.differ(f"vir:meta:parts {p.name}: shown {line!r}, expected four numbers")
                self.views[p.name] = p.stream_ms
                continue
            offset, stream, view, complete = map(int, words)
            if offset < p.offset:
                report.differ(f"vir:meta:parts {p.name}: offset shown {offset}, expected {p.offset}")
            report.same(f"vir:meta:parts {p.name} stream time", stream, p.stream_ms)
            report.same(f"vir:meta:parts {p.name} complete", complete, 1)
            if view < stream:
                report.differ(f"vir:meta:parts {p.name}: view time {view} before stream time {stream}")
            self.views[p.name] = max(view, p.stream_ms)
        for name in raw.keys() - {p.name for p in partitions}:
            report.differ(f"vir:meta:parts {name}: unexpected")
        self.highest = max(self.views.values(), default=0)
        self.spread = self.highest - min(self.views.values(), default=0)


def compare_meta(report, prefix, shown, parts, partitions):
    key = prefix + "meta"
    names = ("schema_version version generation state updated_ms stream_time_ms lag_records lag_seconds "
             "boards_complete spread_ms").split()
    for name in names:
        if name not in shown:
            report.differ(f"{key} {name}: missing")
    for name in shown.keys() - set(names):
        report.differ(f"{key} {name}: unexpected")
    report.same(key + " schema_version", shown.get("schema_version"), "1")
    report.same(key + " boards_complete", shown.get("boards_complete"), "1")
    report.same(key + " lag_records", shown.get("lag_records"), "0")
    report.same(key + " spread_ms", shown.get("spread_ms"), str(parts.spread))
    highest = max((p.stream_ms for p in partitions if p.stream_ms is not None), default=0)
    report.same(key + " stream_time_ms", shown.get("stream_time_ms"), str(highest))


def compare_merged(report, key, shown, partitions, parts, channel=None):
    if not shown:
        report.differ(f"{key}: missing")
        return
    at = number(report, f"{key} as_of_ms", shown.get("as_of_ms"))
    if at is None:
        return
    config = partitions[0].config
    partial = min(span for _, span in config.windows) < parts.spread
    if channel is not None:
        partial = partial or any(OTHER in p.channels for p in partitions)
    report.same(key + " partial", shown.get("partial"), "1" if partial else None)
    figures = {k: v for k, v in shown.items() if k not in ("as_of_ms", "partial")}
    same_fields(report, key, figures, merged(partitions, parts.highest, channel))
    if at > parts.highest:
        report.differ(f"{key} as_of_ms: shown {at}, after the highest view time {parts.highest}")
    elif at < parts.highest:
        same_fields(report, f"{key} at its as_of_ms", figures, merged(partitions, at, channel))


def compare_board(report, key, shown, expected):
    report.counts["board_rows"] += len(expected)
    report.counts["fields"] += 2 * len(expected)
    wanted = [(cid, float(n)) for cid, n in expected]
    if shown == wanted:
        return
    for rank in range(max(len(shown), len(wanted))):
        a = shown[rank] if rank < len(shown) else None
        b = wanted[rank] if rank < len(wanted) else None
        if a != b:
            report.differ(f"{key} rank {rank + 1}: shown {a}, expected {b}")
            return


def compare_rows(report, key, shown, expected, by_content, parts, config):
    """The board as a table. score is the board's; velocity is shares a minute, over the shortest window."""
    if len(shown) != len(expected):
        report.differ(f"{key}: {len(shown)} rows shown, expected {len(expected)}")
        return
    as_of = {i.split("-")[0] for i, _ in shown}
    if len(as_of) > 1 or any(int(ms) > parts.highest for ms in as_of):
        report.differ(f"{key}: ids of {as_of}, highest view time {parts.highest}")
    for rank, ((ident, fields), (cid, n)) in enumerate(zip(shown, expected), 1):
        p = by_content[cid]
        counters = p.contents[cid].all
        view = parts.views[p.name]
        w = config.shortest
        velocity = ratio(counters.window(SHARE, w, config.widths[w], view) * 60_000, config.windows[w][1])
        what = f"{key} {ident}"
        report.same(what + " id", ident.split("-")[1], str(rank))
        report.same(what + " fields", sorted(fields), sorted("rank content title score shares velocity".split()))
        report.same(what + " rank", fields.get("rank"), str(rank))
        report.same(what + " content", fields.get("content"), cid)
        report.same(what + " score", float(fields.get("score", "nan")), float(n))
        report.same(what + " title", fields.get("title"), cut_utf8(p.contents[cid].title, SHOWN_TEXT))
        report.same(what + " velocity", fields.get("velocity"), velocity)
        if fields.get("shares") not in (str(n), str(counters.totals[SHARE])):
            report.differ(f"{what} shares: shown {fields.get('shares')}, expected {n} or the total")


def compare_trending(report, key, shown, expected):
    """Highest 100; a member at the edge may be another whose score is the same within the error."""
    wanted = board(expected, BOARD_MOST)
    report.counts["trending"] += len(wanted)
    if len(shown) != len(wanted):
        report.differ(f"{key}: {len(shown)} members shown, expected {len(wanted)}")
    edge = wanted[-1][1] if wanted else 0
    for cid, score in shown:
        report.counts["fields"] += 1
        right = expected.get(cid)
        if right is None:
            report.differ(f"{key} {cid}: unexpected")
        elif not math.isclose(score, right, rel_tol=TREND_ERROR):
            report.differ(f"{key} {cid}: shown {score}, expected {right}")
        elif right < edge and not math.isclose(right, edge, rel_tol=TREND_ERROR):
            report.differ(f"{key} {cid}: shown with {score}, the lowest expected is {edge}")


def compare_boards(report, prefix, shown, partitions, parts):
    config = partitions[0].config
    by_content = {cid: p for p in partitions for cid in p.shown()}
    longest = config.windows[config.longest][0]
    busy = {}
    for channel in {c for p in partitions for c in p.channels}:
        n = int(merged(partitions, parts.highest, channel).get(f"shares_{longest}", "0"))
        if n > 0:
            busy[channel] = n
    ranked = sorted(busy.items(), key=lambda item: (item[1], item[0]), reverse=True)
    edge = ranked[BOARD_CHANNELS - 1][1] if len(ranked) > BOARD_CHANNELS else 0
    for w, (name, _) in enumerate(config.windows):
        key = f"{prefix}top:{name}"
        best = tops(partitions, parts.views, w)
        compare_board(report, key, shown.take(key, "zset", []), best)
        compare_rows(report, key + ":rows", shown.take(key + ":rows", "stream", []), best, by_content, parts, config)
        for channel, n in ranked:
            ch_key = f"{key}:ch:{{{channel}}}"
            if n < edge or (n == edge and ch_key not in shown.rows):
                continue
            best = tops(partitions, parts.views, w, channel)
            compare_board(report, ch_key, shown.take(ch_key, "zset", []), best)
    scores = {cid: s for p in partitions for cid, s in p.trending().items()}
    compare_trending(report, prefix + "trending", shown.take(prefix + "trending", "zset", []), scores)


def check_ts_shape(report, key, shown):
    """Series of channels and overall: what the contract lets one know of them."""
    for ident, fields in shown:
        ms, _, seq = ident.partition("-")
        if int(ms) % 60_000 or seq != "0" or not set(PLURALS) <= fields.keys():
            report.differ(f"{key} {ident}: not a minute with the {len(PLURALS)} plurals")


# ---------------------------------------------------------------- alerts

ALERT_FIELDS = ("id alertname severity state step entity content_id channel title value threshold starts_ms ends_ms "
                "updated_ms topic partition offset rule_version replay reason labels annotations").split()
ALERT_EXACT = ("id alertname severity state entity content_id channel starts_ms ends_ms updated_ms topic partition "
               "offset rule_version reason").split()


def as_object(value):
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def plain(value):
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else text(value) if isinstance(value, (str, bytes)) else str(value)


def same_figure(shown, right, rel):
    try:
        return math.isclose(float(shown), right, rel_tol=rel, abs_tol=1e-6) or \
            (math.isnan(right) and math.isnan(float(shown)))
    except ValueError:
        return False


def compare_alert(report, what, shown, expected, rules):
    rule = rules.get((expected["alertname"], expected["rule_version"]))
    for name in ALERT_FIELDS:
        if name not in shown:
            report.differ(f"{what} {name}: missing")
    for name in ALERT_EXACT:
        report.same(f"{what} {name}", plain(shown.get(name)), plain(expected[name]))
    report.same(f"{what} step", plain(shown.get("step")) or "0", "0")
    report.same(f"{what} replay", plain(shown.get("replay")) or "0", "0")
    if plain(shown.get("title")) not in (expected["title"], cut_utf8(expected["title"], SHOWN_TEXT)):
        report.differ(f"{what} title: shown {shown.get('title')!r}, expected {expected['title']!r}")
    if not expected["reason"]:
        for name, node in (("value", rule and rule.value), ("threshold", rule and rule.threshold)):
            right = expected[name]
            rel = UNIQUES_ERROR if node and uses(node, "unique_sharers") and right and right > UNIQUES_EXACT else 1e-6
            report.counts["fields"] += 1
            if not (plain(shown.get(name)) == "" if right is None else same_figure(plain(shown.get(name)), right, rel)):
                report.differ(f"{what} {name}: shown {shown.get(name)!r}, expected {right}")
    labels, annotations = as_object(shown.get("labels")), as_object(shown.get("annotations"))
    if labels is None or any(labels.get(k) != v for k, v in expected["labels"].items() if "{{" not in v) \
            or labels.keys() - expected["labels"].keys() - {"alertname", "severity"}:
        report.differ(f"{what} labels: shown {shown.get('labels')!r}, expected {expected['labels']!r}")
    if annotations is None or annotations.keys() != expected["annotations"].keys():
        report.differ(f"{what} annotations: shown {shown.get('annotations')!r}, expected {expected['annotations']!r}")
        return
    for k, v in expected["annotations"].items():
        if (annotations[k] != v) if "{{" not in v else ("{{" in annotations[k]):
            report.differ(f"{what} annotation {k}: shown {annotations[k]!r}, expected {v!r}")


def compare_stream(report, key, shown, p, said_off):
    """Entries of one partition, in their order."""
    wanted = [a for a in p.alerts if a["offset"] >= said_off]
    mine = [f for _, f in shown if f.get("topic") == p.topic and f.get("partition") == str(p.partition)]
    report.counts["alerts"] += len(wanted)
    rules = {r.key: r for r in p.rules}
    names = [(f.get("id"), f.get("state")) for f in mine]
    right = [(a["id"], a["state"]) for a in wanted]
    for name, n in Counter(names).items():
        if n > 1:
            report.differ(f"{key} {p.name}: {name} stands there {n} times")
    first = {}
    for a in wanted:
        first.setdefault((a["id"], a["state"]), a)
    for name in [n for n in right if n not in set(names)]:
        a = first[name]
        report.differ(f"{key} {p.name}: missing {name}, {a['alertname']} of {a['content_id']!r}, begun at offset "
                      f"{a['offset']}, {a['updated_ms']}")
    for name, f in zip(names, mine):
        if name not in first:
            report.differ(f"{key} {p.name}: unexpected {name}, {f.get('alertname')} of {f.get('content_id')!r}, "
                          f"begun at offset {f.get('offset')}, {f.get('updated_ms')}")
        else:
            compare_alert(report, f"{key} {name[0]} {name[1]}", f, first[name], rules)
    if names != right and Counter(names) == Counter(right):
        at = next(i for i, (a, b) in enumerate(zip(names, right)) if a != b)
        report.differ(f"{key} {p.name}: order differs at {at}: shown {names[at]}, expected {right[at]}")


def compare_active(report, key, shown, partitions, said):
    wanted = {i: (a, p) for p in partitions for i, a in p.active.items() if a["offset"] >= said.get(p.name, 0)}
    report.counts["active"] += len(wanted)
    for i in sorted(wanted.keys() - shown.keys()):
        a = wanted[i][0]
        report.differ(f"{key}: missing {i}, {a['alertname']} of {a['content_id']!r}, {a['state']}")
    for i in sorted(shown.keys() - wanted.keys()):
        report.differ(f"{key}: unexpected {i}: {shown[i]}")
    for i in wanted.keys() & shown.keys():
        fields, (a, p) = as_object(shown[i]), wanted[i]
        if fields is None:
            report.differ(f"{key} {i}: not a JSON object: {shown[i]!r}")
            continue
        compare_alert(report, f"{key} {i}", fields, a, {r.key: r for r in p.rules})
        if a["due_ms"] is not None:
            report.same(f"{key} {i} due_ms", plain(fields.get("due_ms")), str(a["due_ms"]))


def compare_alerts(report, prefix, shown, partitions, said):
    names = {p.name for p in partitions}
    stream = shown.take(prefix + "alerts", "stream", [])
    for _, f in stream:
        if f"{f.get('topic')}:{f.get('partition')}" not in names:
            report.differ(f"{prefix}alerts: entry of another partition: {f}")
    for p in partitions:
        compare_stream(report, prefix + "alerts", stream, p, said.get(p.name, 0))
        rules = {r.key: r for r in p.rules}
        for ident, a in p.latest.items():
            if a["offset"] >= said.get(p.name, 0):
                key = f"{prefix}alert:{ident}"
                fields = shown.take(key, "hash", {})
                if not fields:
                    report.differ(f"{key}: missing")
                else:
                    compare_alert(report, key, fields, a, rules)
    compare_active(report, prefix + "alerts:active", shown.take(prefix + "alerts:active", "hash", {}), partitions, said)
    shown.take(prefix + "rules", "list", [])


# ---------------------------------------------------------------- the whole

def is_alert_key(prefix, key):
    name = key[len(prefix):]
    return name in ("alerts", "alerts:active", "rules") or name.startswith(("alert:", "replay:"))


def same_database(a, b):
    return a is b or a.connection_pool.connection_kwargs == b.connection_pool.connection_kwargs


def compare(live, alerts, partitions, prefix="vir:", said=None, fresh=False,
            need=("fields", "windows", "alerts")):
    """said: partition name -> offset below which no alert was announced.
    fresh: drained windows must have been rewritten, too. need: counts that must not be 0."""
    report = Report()
    rows = read_all(live, prefix)
    if same_database(live, alerts):
        alert_rows = {k: v for k, v in rows.items() if is_alert_key(prefix, k)}
        rows = {k: v for k, v in rows.items() if k not in alert_rows}
    else:
        alert_rows = read_all(alerts, prefix)
    shown = Shown(report, rows)
    parts = Parts(report, shown.take(prefix + "meta:parts", "hash", {}), partitions)
    compare_meta(report, prefix, shown.take(prefix + "meta", "hash", {}), parts, partitions)
    for p in partitions:
        for cid in p.shown():
            key = f"{prefix}c:{{{cid}}}"
            compare_content(report, p, cid, key, shown.take(key, "hash", {}),
                            shown.take(key + ":channels", "hash", {}), shown.take(key + ":info", "hash", {}),
                            shown.take(key + ":ts", "stream", []), parts.views[p.name])
    compare_merged(report, prefix + "all", shown.take(prefix + "all", "hash", {}), partitions, parts)
    check_ts_shape(report, prefix + "all:ts", shown.take(prefix + "all:ts", "stream", []))
    names = {c for p in partitions for c in p.channels}
    for channel in sorted(names):
        key = f"{prefix}ch:{{{channel}}}"
        compare_merged(report, key, shown.take(key, "hash", {}), partitions, parts, channel)
        check_ts_shape(report, key + ":ts", shown.take(key + ":ts", "stream", []))
    report.same(prefix + "channels", shown.take(prefix + "channels", "set", set()), names)
    compare_boards(report, prefix, shown, partitions, parts)
    alert_shown = Shown(report, alert_rows)
    compare_alerts(report, prefix, alert_shown, partitions, said or {})

    private = {prefix + "generation"} | {f"{prefix}{p.topic}:begin" for p in partitions}
    for key in shown.rest() + alert_shown.rest():
        if key not in private and not key.startswith(prefix + "replay:"):
            report.differ(f"{key}: unexpected key")
    report.counts["keys"] = len(rows) + len(alert_rows)
    if fresh and report.stale:
        report.differ(f"{len(report.stale)} contents show windows long drained, as {report.stale[0]!r}")
    report.need(*need)
    return report
