# SPDX-License-Identifier: Apache-2.0
"""Several virald on one topic and one Redis, and the oracle over all that they show.

    fleet = Fleet(kafka, redis, topic, folder, rules=RULES, size=2)
    fleet.start()
    fleet.settle()          until every partition's stored offset is the log's end, and the merged views say so
    fleet.check()           every key of Redis against the fold of the topic; the report of the oracle
"""
import gc
import multiprocessing
import os
import subprocess
import time

from oracle import rules as oracle_rules
from oracle.check_topic import members, read_homes, read_topic
from oracle.compare import compare
from oracle.fold import Config, Partition
from virtest import Daemon, PortLock, eventually
from virtest.daemon import binary

SETTLE_S = 120.0
COMPARE_S = 20.0
# A member that is dead or stopped is found out within seconds instead of a minute.
GROUP = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "max.poll.interval.ms": 300000,
         "topic.metadata.refresh.interval.ms": 2000, "reconnect.backoff.max.ms": 1000}

RULES = """\
groups:
- name: system
  rules:
  - alert: Fast
    expr: shares{window="1m"} >= 8
    reset_expr: shares{window="1m"} < 4
    labels: {severity: page}
    annotations: {summary: "{{ $labels.title }} runs: {{ $value }} over {{ $threshold }}"}
  - alert: Steady
    expr: shares{window="5m"} > 5 and unique_sharers > 3
    for: 30s
    labels: {severity: warning}
  - alert: Deep
    expr: mean_depth > 1.5 and shares_total >= 10
  - alert: Taken
    expr: unshares{window="5m"} > 0 unless likes{window="1m"} > 40
    for: 10s
    reset_expr: unshares{window="1m"} == 0
"""


class Fleet:
    """config: settings over those below, as nested dictionaries; None as a value takes a setting away."""

    def __init__(self, kafka, redis, topics, folder, rules=RULES, size=2, config=None):
        self.kafka, self.redis, self.folder = kafka, redis, folder
        self.topics = [topics] if isinstance(topics, str) else list(topics)
        self.rules_file = folder / "rules.yaml"
        self.write_rules(rules)
        self.locks = [PortLock() for _ in range(size)]
        self.config = merged(self.base(), config or {})
        self.daemons = [self.daemon(lock.port, number) for number, lock in enumerate(self.locks)]

    def base(self):
        return {
            "rules_files": [str(self.rules_file)],
            "announce_history": True,
            "idle_timeout": "1h",
            "kafka": {"brokers": self.kafka.bootstrap, "topics": self.topics, "group_id": "g-" + self.topics[0],
                      "properties": dict(GROUP)},
            "redis": {"url": self.redis.unix_url},
            "publisher": {"interval": "200ms"},
            # An instrumented live beside other tests is late by itself.
            "replay": {"max_live_lag": "2s"},
            "log": {"level": "info", "format": "logfmt"},
        }

    def daemon(self, port, number):
        own = {"instance": f"i{number}", "http": {"listen": f"127.0.0.1:{port}"}}
        return Daemon(merged(self.config, own), http=f"127.0.0.1:{port}")

    def write_rules(self, text):
        self.rules_file.write_text(text)

    def close(self):
        for daemon in self.daemons:
            daemon.close()
        for lock in self.locks:
            lock.release()

    # Life

    def start(self):
        for daemon in self.daemons:
            daemon.start(wait=False)
        for daemon in self.daemons:
            daemon.wait_ready()
        return self

    def stop(self):
        """Every exit status; they stop at the same time, as a fleet does that is taken down."""
        for daemon in self.daemons:
            daemon.send(15)
        return [daemon.stop() for daemon in self.daemons]

    def running(self):
        return [daemon for daemon in self.daemons if daemon.running]

    # Redis

    @property
    def live(self):
        return self.redis.client(0)

    @property
    def alerts(self):
        return self.redis.client(2)

    def own(self, partition, topic=None, part="own"):
        return f"{{vir:{topic or self.topics[0]}:{partition}}}:{part}"

    def owner(self, partition, topic=None):
        """The owner record as text."""
        return {k.decode(): v.decode() for k, v in self.live.hgetall(self.own(partition, topic)).items()}

    def stopped(self, partition, topic=None):
        return {k.decode(): v.decode() for k, v in self.live.hgetall(self.own(partition, topic, "stop")).items()}

    def offsets(self, topic):
        """partition -> stored offset, None where there is no record."""
        found = {p: self.live.hget(self.own(p, topic), "off") for p in self.kafka.partitions(topic)}
        return {p: None if off is None else int(off) for p, off in found.items()}

    # The end

    def settle(self, timeout=SETTLE_S, but=()):
        """Wait until all is folded and shown; `but`: partitions that stand still."""
        ends = {topic: self.kafka.end_offsets(topic) for topic in self.topics}

        def folded():
            for daemon in self.daemons:
                if daemon.running:
                    daemon.check()
            behind = {f"{t}:{p}": (self.offsets(t)[p], end) for t, of in ends.items() for p, end in of.items()
                      if p not in but and self.offsets(t)[p] != end}
            assert not behind, behind
            return True

        eventually(folded, timeout, "the stored offsets are the ends of the log")
        eventually(lambda: self.published(ends, but), timeout, "the merged views are of the end of the log")

    def published(self, ends, but):
        parts = {k.decode(): v.decode().split(" ") for k, v in self.live.hgetall("vir:meta:parts").items()}
        for topic, of in ends.items():
            for p, end in of.items():
                shown = parts.get(f"{topic}:{p}")
                assert p in but or (shown and int(shown[0]) == end and shown[3] == "1"), (topic, p, end, shown)
        assert but or self.live.hget("vir:meta", "lag_records") == b"0"
        return True

    # The oracle

    def rule_list(self, config=None, texts=None):
        return oracle_rules.load(texts or [self.rules_file.read_text()], (config or Config()).window_names())

    def logs(self, topics=None):
        """{(topic, partition): records} of all that Kafka has."""
        out = {}
        for topic in topics or self.topics:
            records, _ = read_topic(self.kafka.bootstrap, topic)
            out.update({(topic, p): r for p, r in records.items()})
        return out

    def fold(self, logs=None, config=None, rules=None):
        """[Partition] of the logs (default: of all that Kafka has)."""
        logs = self.logs() if logs is None else logs
        rules = self.rule_list(config) if rules is None else rules
        homes = read_homes(self.live, "vir:", logs)
        ahead = {place: members(self.live, self.own(place[1], place[0], "refused")) for place in logs}
        return in_parallel(fold_one, [(place, records, config, rules, homes, ahead[place]) for place, records in sorted(logs.items())])

    def shown(self):
        """key -> value as Redis keeps it, of all that people see: it must not change while nothing comes."""
        def public(key):
            return key.startswith(b"vir:") and not key.startswith(b"vir:meta")
        return {(db, key): value for db in (0, 2) for key, value in dump(self.redis.client(db), public).items()}

    def check(self, partitions=None, said=None, need=("fields", "windows", "alerts", "contents", "board_rows"), **more):
        """Boards follow a cut by a second: what differs at first must be equal soon."""
        partitions = self.fold() if partitions is None else partitions
        end = time.monotonic() + COMPARE_S
        while True:
            report = compare(self.live, self.alerts, partitions, said=said, need=need, **more)
            if report.ok or time.monotonic() > end:
                break
        assert report.ok, report.text()
        print(report.text())
        return report


_jobs = []


def run_job(number):
    do, args = _jobs[number]
    return do(*args)


def in_parallel(do, arguments):
    """[do(*args) ...], in as many processes as there are processors; what they need they inherit."""
    gc.freeze()
    _jobs[:] = [(do, args) for args in arguments]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        done = pool.map(run_job, range(len(_jobs)), chunksize=1)
    _jobs.clear()
    gc.unfreeze()
    return done


def fold_one(place, records, config, rules, homes, ahead):
    partition = Partition(*place, config, rules, homes, ahead)
    for record in records:
        partition.record(*record)
    return partition


def dump(client, wanted, chunk=2000):
    keys = [key for key in client.scan_iter(count=10000) if wanted(key)]
    out = {}
    for at in range(0, len(keys), chunk):
        with client.pipeline(transaction=False) as pipe:
            for key in keys[at:at + chunk]:
                pipe.dump(key)
            out.update(zip(keys[at:at + chunk], pipe.execute()))
    return out


def merged(base, more):
    """Nested dictionaries; `more` wins, None takes away."""
    out = dict(base)
    for key, value in more.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


def viralctl(*args, code=0):
    """Run viralctl; its output as text."""
    done = subprocess.run([binary("viralctl"), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                          check=False, env=dict(os.environ))
    assert done.returncode == code, done.stderr
    return done.stdout
