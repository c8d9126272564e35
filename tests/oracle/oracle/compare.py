# SPDX-License-Identifier: Apache-2.0
"""Every key that Redis shows, against the folds of all partitions.

    report = compare(live, alerts, partitions)
    assert report.ok, report.text()

live and alerts are redis-py clients (decode_responses off) of the two databases; they may be the same.
Redis must be at rest at the offsets folded. Compared are the contents at their own as_of_ms, merged views
at the highest view time, boards at each partition's view time as vir:meta:parts says.
"""
import math

from .alerts import UNIQUES_ERROR, UNIQUES_EXACT, compare_alerts
from .model import OTHER, SHOWN_TEXT, cut_utf8, ratio
from .report import Report, Shown, read_all
from .rules import PLURALS, SHARE
from .shown import board, merged, tops

TREND_ERROR = 1e-9
BOARD_MOST = 100
BOARD_CHANNELS = 64
TS_FIELDS = PLURALS + ["late"]


# ---------------------------------------------------------------- contents


def without_zero(fields):
    return {
        k: v
        for k, v in fields.items()
        if not (v == "0" and is_count(k)) and not (k == "share_velocity" and v == "0.000000")
    }


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
            report.counts["windows"] += 1  # not zero on one side at least
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
        report.differ(
            f"{key} as_of_ms: shown {at}, older than the last record's stream time {content.touched_ms}"
        )
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
        if before > at and any(
            content.all.window(a, w, width, at) != content.all.window(a, w, width, before)
            for a in content.all.win
        ):
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
    names = (
        "schema_version version generation state updated_ms stream_time_ms lag_records lag_seconds wait_ms "
        "boards_complete spread_ms"
    ).split()
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
        report.same(
            what + " fields", sorted(fields), sorted("rank content title score shares velocity".split())
        )
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


def busiest(partitions, window, views):
    """channel -> shares in the window at the views given, those with one at least."""
    out = {}
    for p in partitions:
        if p.stream_ms is not None:
            for channel in p.channels:
                n = int(merged([p], views[p.name], channel).get(f"shares_{window}", "0"))
                out[channel] = out.get(channel, 0) + n
    return {c: n for c, n in out.items() if n > 0}


def surely_first(busy):
    """Channels that are among the first 64 however equals are ordered."""
    counts = sorted(busy.values(), reverse=True) + [0] * (BOARD_CHANNELS + 1)
    return {c for c, n in busy.items() if n > counts[BOARD_CHANNELS]}


def compare_boards(report, prefix, shown, partitions, parts):
    config = partitions[0].config
    by_content = {cid: p for p in partitions for cid in p.here()}
    longest = config.windows[config.longest][0]
    busy = [
        busiest(partitions, longest, views)
        for views in (parts.views, dict.fromkeys(parts.views, parts.highest))
    ]
    for w, (name, _) in enumerate(config.windows):
        key = f"{prefix}top:{name}"
        best = tops(partitions, parts.views, w)
        compare_board(report, key, shown.take(key, "zset", []), best)
        compare_rows(
            report, key + ":rows", shown.take(key + ":rows", "stream", []), best, by_content, parts, config
        )
        named = [c for c in set().union(*busy) if f"{key}:ch:{{{c}}}" in shown.rows]
        if len(named) > BOARD_CHANNELS:
            report.differ(f"{key}:ch: {len(named)} channels, at most {BOARD_CHANNELS} have boards")
        for channel in sorted(set().union(*busy)):
            ch_key = f"{key}:ch:{{{channel}}}"
            if channel in named or all(channel in surely_first(b) for b in busy):
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


# ---------------------------------------------------------------- the whole


def is_alert_key(prefix, key):
    name = key[len(prefix) :]
    return name in ("alerts", "alerts:active", "rules") or name.startswith(("alert:", "replay:"))


def same_database(a, b):
    return a is b or a.connection_pool.connection_kwargs == b.connection_pool.connection_kwargs


def compare(
    live, alerts, partitions, prefix="vir:", said=None, fresh=False, need=("fields", "windows", "alerts")
):
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
            compare_content(
                report,
                p,
                cid,
                key,
                shown.take(key, "hash", {}),
                shown.take(key + ":channels", "hash", {}),
                shown.take(key + ":info", "hash", {}),
                shown.take(key + ":ts", "stream", []),
                parts.views[p.name],
            )
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

    private = {prefix + "generation", prefix + "gen"} | {f"{prefix}{p.topic}:begin" for p in partitions}
    for key in shown.rest() + alert_shown.rest():
        if key not in private and not key.startswith(prefix + "replay:"):
            report.differ(f"{key}: unexpected key")
    report.counts["keys"] = len(rows) + len(alert_rows)
    if fresh and report.stale:
        report.differ(f"{len(report.stale)} contents show windows long drained, as {report.stale[0]!r}")
    report.need(*need)
    return report
