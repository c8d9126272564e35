# SPDX-License-Identifier: Apache-2.0
"""The recorded data sets as events, mapped and merged as an import does it."""
import gzip
import json
import os

from .model import Event
from .rules import ACTIONS

KINDS = {"share": "share", "reply": "comment", "mention": "mention", "share_total": "share"}
RELATIVE = ("news", "auspol")
RELATIVE_BASE = 1_500_000_000_000


def lines(folder, name):
    for ending, opener in ((".gz", gzip.open), ("", open)):
        path = os.path.join(folder, name, "events.ndjson" + ending)
        if os.path.exists(path):
            with opener(path, "rt") as f:
                yield from map(json.loads, f)
            return
    raise FileNotFoundError(f"{folder}/{name}/events.ndjson[.gz]")


def read_set(folder, name):
    """[(time, Event)] of one set, in the order of its file."""
    rows = list(lines(folder, name))
    parents = {r["id"]: r.get("parent") for r in rows if "id" in r}
    posts = {r["id"] for r in rows if r["kind"] == "post"}
    depth = {}

    def depth_of(ident):
        """Links up to the root of the recorded tree; 0 where the root is not a post."""
        way = []
        while ident not in depth and ident not in posts and parents.get(ident) in parents:
            way.append(ident)
            ident = parents[ident]
        d = 0 if ident in posts else depth.get(ident)
        for up in reversed(way):
            d = depth[up] = d + 1 if d is not None else None
        return d or 0

    out = []
    for r in rows:
        n = r.get("delta", 1)
        if r["kind"] == "post" or n == 0:
            continue
        parent = r.get("parent", "")
        t = r["ts"] + (RELATIVE_BASE if name in RELATIVE else 0)
        out.append(
            (
                t,
                Event(
                    content_id=r["content"],
                    action=ACTIONS.index(KINDS[r["kind"]]),
                    event_id=r.get("id", ""),
                    event_time=t,
                    channel=r.get("channel", "unknown"),
                    actor_id=r.get("user", ""),
                    parent_event_id="" if parent in posts else parent,
                    depth=depth_of(r["id"]) if "id" in r and parent else 0,
                    count=n,
                ),
            )
        )
    return out


def read(folder, names):
    """All events of the sets, by (time, order in the files)."""
    rows = [row for name in names for row in read_set(folder, name)]
    rows.sort(key=lambda row: row[0])
    return [event for _, event in rows]
