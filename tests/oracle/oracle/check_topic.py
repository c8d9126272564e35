# SPDX-License-Identifier: Apache-2.0
"""Folds whole Kafka topics and compares Redis with the fold.

    python3 -m oracle.check_topic --brokers HOST:PORT --topic shares --redis unix:///run/r.sock --rules r.yaml
    python3 -m oracle.check_topic ... --moving 20     while daemons work: each partition at its stored offset

Exit 0: equal; 1: a difference, or nothing was compared; 2: usage.
"""
import argparse
import random
import sys
import time

import confluent_kafka
import redis

from . import rules as rules_
from . import wire
from .alerts import compare_stream
from .compare import compare, compare_content
from .fold import Config, Partition
from .report import Report, text, text_hash, text_stream

KAFKA_ERRORS = confluent_kafka.KafkaError
BATCH_S = 0.2  # a call waits until the batch is full or this is over
SILENCE_S = 30


# ---------------------------------------------------------------- reading the log


def read_topic(brokers, topic, ends=None, begins=None, properties=None):
    """{partition: [(offset, kafka_ms, key, event)]} and {partition: end offset}.

    Reads up to the end offsets given (default: as they are now); a partition is done at its end or at EOF,
    not at a number of records, for transactions and retention leave holes."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "oracle",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            **(properties or {}),
        }
    )
    try:
        return read_assigned(consumer, topic, ends or {}, begins or {})
    finally:
        consumer.close()


def read_assigned(consumer, topic, ends, begins):
    meta = consumer.list_topics(topic, timeout=30).topics[topic]
    if meta.error:
        raise RuntimeError(f"{topic}: {meta.error}")
    out, end, assigned = {}, {}, []
    for p in sorted(meta.partitions):
        low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), timeout=30)
        out[p], end[p] = [], ends.get(p, high)
        begin = max(low, begins.get(p, low))
        if begin < end[p]:
            assigned.append(confluent_kafka.TopicPartition(topic, p, begin))
    open_ = {tp.partition for tp in assigned}
    consumer.assign(assigned)
    heard = time.monotonic()
    while open_:
        batch = consumer.consume(num_messages=10_000, timeout=BATCH_S)
        if batch:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_S:
            raise RuntimeError(
                f"{topic}: nothing came for {SILENCE_S} s; {sorted(open_)} are not at their end"
            )
        for m in batch:
            p = m.partition()
            if m.error() is None:
                if m.offset() < end[p]:
                    out[p].append(record(m))
                if m.offset() + 1 >= end[p]:
                    open_.discard(p)
            elif m.error().code() == KAFKA_ERRORS._PARTITION_EOF:
                open_.discard(p)
            else:
                raise RuntimeError(f"{topic}:{p}: {m.error()}")
    return out, end


def record(m):
    kind, ms = m.timestamp()
    if kind == confluent_kafka.TIMESTAMP_NOT_AVAILABLE:
        ms = 0
    return m.offset(), ms, m.key(), wire.decode(m.value(), m.headers())


# ---------------------------------------------------------------- folding


def read_homes(live, prefix, logs):
    """content -> home, for contents with records in more than one partition. logs: (topic, p) -> records."""
    where = {}
    for place, records in logs.items():
        for _, _, _, event in records:
            if isinstance(event, wire.Event):
                where.setdefault(event.content_id, set()).add(place)
    homes = {}
    for cid in [c for c, places in where.items() if len(places) > 1]:
        home = live.hget(f"{prefix}c:{{{cid}}}", "home")
        if home is not None:
            homes[cid] = text(home)
    return homes


def members(client, key):
    """Offsets in a key of whatever type; a hash has them as fields."""
    kind = text(client.type(key))
    read = {
        "set": client.smembers,
        "hash": client.hkeys,
        "zset": lambda k: client.zrange(k, 0, -1),
        "list": lambda k: client.lrange(k, 0, -1),
    }.get(kind)
    return [int(v) for v in read(key) if v.isdigit()] if read else []


def fold_logs(logs, config=None, rules=(), live=None, prefix="vir:"):
    """[Partition] of {(topic, partition): records}."""
    homes = read_homes(live, prefix, logs) if live is not None else {}
    out = []
    for (topic, number), records in sorted(logs.items()):
        ahead = members(live, f"{{{prefix}{topic}:{number}}}:refused") if live is not None else ()
        p = Partition(topic, number, config, rules, homes, ahead)
        for r in records:
            p.record(*r)
        out.append(p)
    return out


# ---------------------------------------------------------------- a moving daemon


class Moving:
    """One partition, compared again and again at the offset it has stored."""

    def __init__(self, topic, number, records, config, rules, homes, prefix="vir:", said_off=0, sample=1000):
        self.args = (topic, number, config, rules, homes)
        self.records, self.prefix, self.said_off, self.sample = records, prefix, said_off, sample
        self.key = f"{{{prefix}{topic}:{number}}}:own"
        self.ids = sorted({e.content_id for _, _, _, e in records if isinstance(e, wire.Event)})
        self.random = random.Random(number)
        self.restart()

    def restart(self):
        self.partition, self.next = Partition(*self.args), 0

    def fold_to(self, off):
        if self.next and self.records[self.next - 1][0] >= off:
            self.restart()  # Redis has lost its tail and went back
        while self.next < len(self.records) and self.records[self.next][0] < off:
            self.partition.record(*self.records[self.next])
            self.next += 1
        return self.partition

    def read(self, client, alerts_db, live_db):
        """(off, {content: (hash, channels, info, series)}, stream of alerts) in one MULTI."""
        ids = self.ids if len(self.ids) <= self.sample else self.random.sample(self.ids, self.sample)
        pipe = client.pipeline(transaction=True)
        pipe.hget(self.key, "off")
        for cid in ids:
            key = f"{self.prefix}c:{{{cid}}}"
            pipe.hgetall(key).hgetall(key + ":channels").hgetall(key + ":info").xrange(key + ":ts")
        pipe.execute_command("SELECT", alerts_db)
        pipe.xrange(self.prefix + "alerts")
        pipe.execute_command("SELECT", live_db)
        off, *rest = pipe.execute()
        views = {
            cid: (
                text_hash(rest[4 * i]),
                text_hash(rest[4 * i + 1]),
                text_hash(rest[4 * i + 2]),
                text_stream(rest[4 * i + 3]),
            )
            for i, cid in enumerate(ids)
        }
        return int(off) if off is not None else None, views, text_stream(rest[4 * len(ids) + 1])

    def compare(self, report, client, alerts_db=2, live_db=0):
        """client: from connect(..., single=True), with live_db selected."""
        off, views, stream = self.read(client, alerts_db, live_db)
        if off is None:
            return None
        p = self.fold_to(off)
        shown = set(p.shown())
        before = len(report.differences)
        for cid, (fields, channels, info, series) in views.items():
            key = f"{self.prefix}c:{{{cid}}}"
            if cid in shown:
                compare_content(report, p, cid, key, fields, channels, info, series)
            elif fields and fields.get("home") == p.name and len(fields) > 1:
                report.differ(f"{key}: shown, though no record up to {off} makes it so")
        compare_stream(report, self.prefix + "alerts", stream, p, self.said_off)
        for i in range(before, len(report.differences)):
            report.differences[i] = f"[{p.name} at {off}] {report.differences[i]}"
        return off


def check_moving(report, client, movings, seconds, alerts_db=2, live_db=0):
    """Goes round the partitions for so long, or until all have reached the end of what was read."""
    until, at = time.monotonic() + seconds, {}
    while time.monotonic() < until:
        for m in movings:
            at[m.key] = m.compare(report, client, alerts_db, live_db)
            report.counts["looks"] += 1
        if all(not m.records or (at[m.key] or 0) > m.records[-1][0] for m in movings):
            return True
    return False


# ---------------------------------------------------------------- command


def connect(url, db, single=False):
    """single: always the same connection, so that a SELECT inside a MULTI disturbs nobody."""
    return redis.Redis(
        connection_pool=redis.ConnectionPool.from_url(url, db=db, max_connections=1 if single else None)
    )


def by_partition(texts):
    out = {}
    for t in texts:
        name, _, off = t.partition("=")
        out[name] = int(off)
    return out


def arguments(argv):
    a = argparse.ArgumentParser(prog="check_topic", description=__doc__.split("\n")[0])
    a.add_argument("--brokers", required=True)
    a.add_argument("--topic", action="append", required=True)
    a.add_argument("--redis", required=True, help="redis://host:port or unix:///path")
    a.add_argument("--live", type=int, default=0, help="number of the database live")
    a.add_argument("--alerts", type=int, default=2, help="number of the database alerts")
    a.add_argument("--prefix", default="vir:")
    a.add_argument("--rules", action="append", default=[], help="rule file; in the daemon's order")
    a.add_argument("--window", action="append", default=[], help="1m, 5m ...; default 1m 5m 1h 24h")
    a.add_argument("--ts-min-events", type=int, default=20)
    a.add_argument("--min-events", type=int, default=1)
    a.add_argument("--channels-max", type=int, default=256)
    a.add_argument("--dedup-window", default="10m")
    a.add_argument("--max-ahead", default="5m")
    a.add_argument("--retention", default="30d")
    a.add_argument(
        "--begin", action="append", default=[], metavar="TOPIC:P=OFFSET", help="first offset folded"
    )
    a.add_argument(
        "--end", action="append", default=[], metavar="TOPIC:P=OFFSET", help="end offset; default: now's"
    )
    a.add_argument(
        "--said",
        action="append",
        default=[],
        metavar="TOPIC:P=OFFSET",
        help="below it no alert was announced",
    )
    a.add_argument("--fresh", action="store_true", help="drained windows must have been rewritten, too")
    a.add_argument("--no-alerts", action="store_true", help="there need not be any alerts")
    a.add_argument("--moving", type=float, metavar="SECONDS", help="compare while the daemons work")
    a.add_argument("--most", type=int, default=50, help="differences printed")
    return a.parse_args(argv)


def config_of(o):
    more = {"windows": [(w, rules_.duration_ms(w)) for w in o.window]} if o.window else {}
    return Config(
        ts_min_events=o.ts_min_events,
        min_events=o.min_events,
        channels_max=o.channels_max,
        dedup_window=rules_.duration_ms(o.dedup_window),
        max_ahead=rules_.duration_ms(o.max_ahead),
        retention=rules_.duration_ms(o.retention),
        **more,
    )


def read_logs(o):
    logs = {}
    for topic in o.topic:
        of_topic = [
            {int(k[len(topic) + 1 :]): v for k, v in by_partition(t).items() if k.startswith(topic + ":")}
            for t in (o.end, o.begin)
        ]
        records, _ = read_topic(o.brokers, topic, *of_topic)
        logs.update({(topic, p): r for p, r in records.items()})
    return logs


def main(argv=None):
    o = arguments(argv)
    config = config_of(o)
    texts = []
    for path in o.rules:
        with open(path) as f:
            texts.append(f.read())
    rules = rules_.load(texts, config.window_names())
    live, alerts, said = connect(o.redis, o.live), connect(o.redis, o.alerts), by_partition(o.said)
    logs = read_logs(o)
    need = ["fields", "windows"] + ([] if o.no_alerts else ["alerts"])
    if o.moving is None:
        partitions = fold_logs(logs, config, rules, live, o.prefix)
        report = compare(live, alerts, partitions, o.prefix, said, o.fresh, need)
    else:
        report = Report()
        homes = read_homes(live, o.prefix, logs)
        movings = [
            Moving(t, n, r, config, rules, homes, o.prefix, said.get(f"{t}:{n}", 0))
            for (t, n), r in sorted(logs.items())
        ]
        check_moving(report, connect(o.redis, o.live, single=True), movings, o.moving, o.alerts, o.live)
        report.need(*need)
    print(report.text(o.most))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
