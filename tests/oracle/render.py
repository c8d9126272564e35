# SPDX-License-Identifier: Apache-2.0
"""Writes to Redis what the folds say, as a stand-in for the daemon: what the comparer is tested with."""
import json

from oracle import fold
from oracle.compare import TS_FIELDS
from oracle.rules import SHARE


def write(live, alerts, partitions, views=None, prefix="vir:"):
    views = views or {p.name: p.stream_ms for p in partitions}
    highest = max(views.values())
    spread = highest - min(views.values())
    config = partitions[0].config
    live.hset(
        prefix + "meta",
        mapping={
            "schema_version": 1,
            "version": "0",
            "generation": "g",
            "state": "live",
            "updated_ms": 1,
            "stream_time_ms": max(p.stream_ms for p in partitions),
            "lag_records": 0,
            "lag_seconds": 0,
            "wait_ms": 0,
            "boards_complete": 1,
            "spread_ms": spread,
        },
    )
    for p in partitions:
        live.hset(prefix + "meta:parts", p.name, f"{p.offset} {p.stream_ms} {views[p.name]} 1")
        for cid in p.shown():
            write_content(live, p, cid, views[p.name], f"{prefix}c:{{{cid}}}")
    channels = {c for p in partitions for c in p.channels}
    partial = {"partial": 1} if spread > min(s for _, s in config.windows) else {}
    write_hash(live, prefix + "all", {**fold.merged(partitions, highest), "as_of_ms": highest, **partial})
    if any("_other" in p.channels for p in partitions):
        partial = {"partial": 1}
    for c in channels:
        live.sadd(prefix + "channels", c)
        write_hash(
            live,
            f"{prefix}ch:{{{c}}}",
            {**fold.merged(partitions, highest, c), "as_of_ms": highest, **partial},
        )
    for w, (name, _) in enumerate(config.windows):
        write_board(live, partitions, views, w, f"{prefix}top:{name}", highest)
        for c in channels:
            for cid, n in fold.tops(partitions, views, w, c):
                live.zadd(f"{prefix}top:{name}:ch:{{{c}}}", {cid: n})
    for cid, score in fold.board({k: v for p in partitions for k, v in p.trending().items()}):
        live.zadd(prefix + "trending", {cid: score})
    live.set(prefix + "generation", "g")
    write_alerts(alerts, partitions, prefix)


def write_hash(live, key, fields):
    fields = {k: v for k, v in fields.items() if v != "0"}
    if fields:
        live.hset(key, mapping=fields)


def write_content(live, p, cid, view, key):
    write_hash(live, key, {**p.content_hash(cid, view), "as_of_ms": view})
    write_hash_full(live, key + ":channels", p.content_channels(cid))
    write_hash_full(live, key + ":info", p.content_info(cid))
    for start, counts in p.content_ts(cid):
        live.xadd(key + ":ts", dict(zip(TS_FIELDS, counts)), id=f"{start}-0")


def write_hash_full(live, key, fields):
    if fields:
        live.hset(key, mapping=fields)


def write_board(live, partitions, views, w, key, highest):
    where = {cid: p for p in partitions for cid in p.contents}
    for rank, (cid, n) in enumerate(fold.tops(partitions, views, w), 1):
        p = where[cid]
        live.zadd(key, {cid: n})
        live.xadd(
            key + ":rows",
            {
                "rank": rank,
                "content": cid,
                "title": p.content_hash(cid, views[p.name]).get("title", ""),
                "score": n,
                "shares": p.contents[cid].all.totals[SHARE],
                "velocity": p.velocity(cid, views[p.name]),
            },
            id=f"{highest}-{rank}",
        )


def alert_fields(a, **more):
    out = {k: "" if v is None else v for k, v in a.items()}
    out.update(
        step=0, replay=0, labels=json.dumps(a["labels"]), annotations=json.dumps(a["annotations"]), **more
    )
    return out


def write_alerts(alerts, partitions, prefix):
    for p in partitions:
        for a in p.alerts:
            alerts.xadd(prefix + "alerts", {k: v for k, v in alert_fields(a).items() if k != "due_ms"})
        for i, a in p.latest.items():
            alerts.hset(f"{prefix}alert:{i}", mapping=alert_fields(a))
        for i, a in p.active.items():
            alerts.hset(prefix + "alerts:active", i, json.dumps(alert_fields(a)))
