# SPDX-License-Identifier: Apache-2.0
"""How long until one sees it: from append to visible, and from crossing to alert, at a given rate.

A generator keeps the rate. Beside it, probes: contents of their own, each with one event that shares it `count` times.
The topic has the broker's time of appending in each record, and the delivery report tells it; when Redis shows the
probe, or the alert stream names it, is read off the same clock.
"""
import json
import threading
import time

from virtest import Process, eventually

from virbench import proc
from virbench.catchup import own_keys
from virbench.parts import PARTITIONS, pair
from virbench.topic import generator

PROBES_PER_S = 40
LOOK_S = 0.002          # between two looks at Redis
LOST_S = 60.0
WARM_S = 3.0
COUNT_CROSSING = 60     # shares at once: more than the rule ContentBurst of the default rules asks for


class Probes:
    """Sends probes and keeps when each was appended."""

    def __init__(self, kafka, topic, prefix, count):
        self._producer = kafka.producer(linger_ms=0)
        self._topic, self._prefix, self._count = topic, prefix, count
        self.appended_ms = {}
        self.waiting = set()    # names that were appended and not seen yet
        self.failed = []

    def send(self, number):
        name = f"{self._prefix}-{number}"
        value = json.dumps({"event_id": name, "event_time": int(time.time() * 1000), "action": "SHARE",
                            "content_id": name, "channel": "probe", "actor_id": name, "count": self._count})
        self._producer.produce(self._topic, key=name, value=value, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error, message):
        if error is not None:
            self.failed.append(error)
        else:
            self.appended_ms[message.key().decode()] = message.timestamp()[1]
            self.waiting.add(message.key().decode())

    def serve(self):
        self._producer.poll(0)

    def flush(self):
        if self._producer.flush(LOST_S) or self.failed:
            raise RuntimeError(f"probes were not stored: {self.failed[:1]}")


class Visible:
    """Looks for the hashes of probes. They are asked for again and again until they are there."""

    def __init__(self, redis):
        self._client = redis.client()
        self.seen_ms = {}

    def look(self, waiting):
        if not waiting:
            return
        pipe = self._client.pipeline(transaction=False)
        for name in waiting:
            pipe.hget(f"vir:c:{{{name}}}", "shares_total")
        answers = pipe.execute()
        now_ms = time.time() * 1000
        self.seen_ms.update({name: now_ms for name, answer in zip(waiting, answers) if answer is not None})

    def close(self):
        pass


class Alerted:
    """Reads the alert stream in a thread of its own, waiting in Redis for each next entry."""

    def __init__(self, redis):
        self._client = redis.client(db=2)
        self._over = threading.Event()
        self.seen_ms = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        last = "0"
        while not self._over.is_set():
            for _, entries in self._client.xread({"vir:alerts": last}, block=200, count=1000) or ():
                now_ms = time.time() * 1000
                for last, fields in entries:
                    self.seen_ms.setdefault(fields.get(b"content_id", b"").decode(), now_ms)

    def look(self, names):
        pass

    def close(self):
        self._over.set()
        self._thread.join()


def for_seconds(seconds):
    """True for so long."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def look(probes, watcher):
    """At those alone that are still waited for: a long measurement costs no more than a short one."""
    watcher.look(list(probes.waiting))
    probes.waiting.difference_update([name for name in probes.waiting if name in watcher.seen_ms])


def measure(probes, watcher, goes_on, check):
    """Probes as long as it goes on, then until the last is seen; sorted milliseconds from append to seen."""
    start = time.monotonic()
    sent = 0
    while goes_on():
        check()
        while sent < (time.monotonic() - start) * PROBES_PER_S:
            probes.send(sent)
            sent += 1
        probes.serve()
        look(probes, watcher)
        time.sleep(LOOK_S)
    probes.flush()

    def all_seen():
        check()
        look(probes, watcher)
        return not probes.waiting
    eventually(all_seen, LOST_S, f"all {sent} probes are seen")
    watcher.close()
    return sorted(max(watcher.seen_ms[name] - at, 0.0) for name, at in probes.appended_ms.items())


def percentile(ordered, part):
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def summary(ordered):
    return {"probes": len(ordered), "p50_ms": percentile(ordered, 0.50), "p99_ms": percentile(ordered, 0.99),
            "max_ms": ordered[-1]}


def folded(redis, topic):
    """How many records the daemon has counted and stored."""
    pipe = redis.client().pipeline(transaction=False)
    for key in own_keys(topic, range(PARTITIONS)):
        pipe.hget(key, "off")
    return sum(int(answer or 0) for answer in pipe.execute())


def run_latency(programs, kafka, world, rate, seconds, wire):
    """{"rate", "visible": {...}, "alert": {...}, CPU per event at that rate}; each half takes `seconds`."""
    topic = kafka.create_topic(f"{kafka.topic_name('bench')}-live", PARTITIONS, config={"message.timestamp.type": "LogAppendTime"})
    with pair(programs, kafka, topic) as (redis, daemon):
        daemon.start()
        load = Process("generator", generator(programs, kafka, topic, world, ("--rate", rate, "--format", wire)))

        def check():
            return daemon.check() and load.check()
        eventually(lambda: check() and folded(redis, topic) > rate * WARM_S, LOST_S, "the daemon keeps up")
        first, used, redis_used, since = folded(redis, topic), proc.cpu_s(daemon.pid), proc.cpu_s(redis.pid), time.monotonic()
        visible = measure(Probes(kafka, topic, "seen", 1), Visible(redis), for_seconds(seconds), check)
        alert = measure(Probes(kafka, topic, "crossing", COUNT_CROSSING), Alerted(redis), for_seconds(seconds), check)
        events, wall_s = folded(redis, topic) - first, time.monotonic() - since
        figures = {
            "rate": events / wall_s, "visible": summary(visible), "alert": summary(alert),
            "cpu_us": (proc.cpu_s(daemon.pid) - used) / events * 1e6,
            "redis_cpu_us": (proc.cpu_s(redis.pid) - redis_used) / events * 1e6,
        }
        load.kill()
        return figures
