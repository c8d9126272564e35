# SPDX-License-Identifier: Apache-2.0
"""What a comparison found, and how the keys of a Redis are read for it."""
from collections import Counter

CHUNK = 500


class Report:
    def __init__(self):
        self.differences = []
        self.counts = Counter()
        self.stale = []  # contents whose drained windows are not rewritten yet

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
        lines.append(
            " ".join(f"{k}={v}" for k, v in sorted(self.counts.items())) + f" stale={len(self.stale)}"
            f" differences={len(self.differences)}"
        )
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
        yield rows[at : at + size]


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
