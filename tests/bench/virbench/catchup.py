# SPDX-License-Identifier: Apache-2.0
"""From the beginning of a topic to its end: the floor, and the daemon."""
import contextlib
import json
import os
import signal
import subprocess
import time

from virbench import proc
from virbench.parts import pair
from virbench.redisstat import RedisStat

POLL_S = 0.05
STUCK_S = 120.0
FLOOR_S = 3600


def run_floor(programs, kafka, topic):
    """{"records", "bytes", "wall_s", "cpu_s", "peak_kib"}"""
    done = subprocess.run([programs.floor, kafka.bootstrap, topic], stdout=subprocess.PIPE, timeout=FLOOR_S, check=True)
    return json.loads(done.stdout)


def own_keys(topic, end, prefix="vir:"):
    return [f"{{{prefix}{topic}:{number}}}:own" for number in sorted(end)]


class Progress:
    """How far the offsets in Redis have come."""

    def __init__(self, stat, topic, end, check, prefix="vir:"):
        self._stat, self._check = stat, check
        self._end = [end[number] for number in sorted(end)]
        self._ask = [("HGET", key, "off") for key in own_keys(topic, end, prefix)]
        self._moved_at = time.monotonic()
        self.done = 0
        self.first_s = None     # when the first cut was seen

    def reached(self):
        """True once every partition's stored offset is its end."""
        self._check()
        offsets = [int(answer or 0) for answer in self._stat.ask(self._ask)]
        now = time.monotonic()
        if sum(offsets) > self.done:
            self.done, self._moved_at = sum(offsets), now
            self.first_s = self.first_s or now
        if now - self._moved_at > STUCK_S:
            raise TimeoutError(f"nothing moved for {STUCK_S:.0f} s at {self.done} of {sum(self._end)} records")
        return all(offset >= end for offset, end in zip(offsets, self._end))


@contextlib.contextmanager
def recording(folder, name, pid):
    """`perf record` of a process into folder/name.data, when a folder is given."""
    if not folder:
        yield
        return
    argv = ["perf", "record", "-q", "-F", "499", "-g", "-p", str(pid), "-o", os.path.join(folder, f"{name}.data")]
    perf = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()


def wait_until(probe):
    """Progress itself says when nothing moves any more."""
    while not probe():
        time.sleep(POLL_S)


def run_daemon(programs, kafka, topic, settings=None, perf=None):
    """One catch-up of a new daemon with a new Redis; CPU of the daemon counts from its very start."""
    end = kafka.end_offsets(topic)
    with pair(programs, kafka, topic, settings) as (redis, daemon):
        stat = RedisStat(redis.client())
        redis_before = proc.cpu_s(redis.pid)
        start = time.monotonic()
        daemon.start(wait=False)
        progress = Progress(stat, topic, end, daemon.check)
        # perf sees the threads that are there when it comes; after the first cut all are.
        wait_until(lambda: progress.reached() or progress.done > 0)
        with recording(perf, "virald", daemon.pid), recording(perf, "redis", redis.pid):
            wait_until(progress.reached)
        wall_s = time.monotonic() - start
        return {
            "records": sum(end.values()),
            "wall_s": wall_s,
            "first_cut_s": progress.first_s - start,
            "cpu_s": proc.cpu_s(daemon.pid),
            "redis_cpu_s": proc.cpu_s(redis.pid) - redis_before,
            "peak_kib": proc.peak_kib(daemon.pid),
            "redis_peak_kib": proc.peak_kib(redis.pid),
            "redis": stat.read(),
            "cuts": sum(value for name, value in daemon.metrics().items() if name.startswith("virald_cuts_total")),
        }
