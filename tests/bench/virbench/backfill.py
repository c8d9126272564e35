# SPDX-License-Identifier: Apache-2.0
"""A replay of all history beside a daemon that keeps up with a live load: how fast it is, and what live feels of it."""
import time

from virtest import Process, eventually

from virbench import proc
from virbench.catchup import Progress, wait_until
from virbench.latency import LOST_S, WARM_S, Probes, Visible, folded, for_seconds, measure, summary
from virbench.parts import daemon_on, pair
from virbench.redisstat import RedisStat
from virbench.topic import fill, generator



class Replay:
    """The process, the time and the CPU it took."""

    def __init__(self, programs, daemon, name, *options):
        self._start = time.monotonic()
        self._process = Process("replay", [programs.virald, "replay", "--config", daemon.config_file, "--name", name,
                                           "--from", "earliest", "--to", "live", *options])
        self.wall_s = self.cpu_s = 0.0

    def goes_on(self):
        if not self._process.running:
            return False
        self.wall_s = time.monotonic() - self._start
        self.cpu_s = proc.cpu_s(self._process.pid)
        return True

    def result(self, events):
        if self._process.returncode != 0:
            raise RuntimeError(f"the replay ended with {self._process.returncode}:\n{self._process.tail()}")
        return {"rate": events / self.wall_s, "wall_s": self.wall_s, "cpu_us": self.cpu_s / events * 1e6}


RIVAL = "rival:"


def run_rival(programs, kafka, topic, redis, check):
    """What somebody without a replay does: another daemon, over the same history, into the same Redis."""
    end = kafka.end_offsets(topic)
    with daemon_on(redis, programs, kafka, topic, {"redis.prefix": RIVAL}) as rival:
        start = time.monotonic()
        rival.start(wait=False)
        progress = Progress(RedisStat(redis.client()), topic, end, lambda: check() and rival.check(), RIVAL)
        seen = summary(measure(Probes(kafka, topic, "rival", 1), Visible(redis), lambda: not progress.reached(), check))
        events, wall_s = sum(end.values()), time.monotonic() - start
        return {**seen, "replay": {"rate": events / wall_s, "wall_s": wall_s, "cpu_us": proc.cpu_s(rival.pid) / events * 1e6}}


UNTHROTTLED = ("--set", "replay.max_live_lag=1h", "--set", "replay.max_redis_latency=1m")


def run_backfill(programs, kafka, world, rate, seconds, wire):
    """{"rate": of the live load, "catch_up": events/s of the daemon over the same history, "idle": {...} of a replay beside
    a live that gets nothing; append to visible under that load: "alone", and with the "replay" in it "beside" one as it is by
    default, "unthrottled" beside one that nothing holds back, and beside a "rival", another daemon that catches up}. A replay
    folds history and what live gets meanwhile."""
    topic = fill(programs, kafka, world, world.events, wire, config={"message.timestamp.type": "LogAppendTime"})
    with pair(programs, kafka, topic) as (redis, daemon):
        start = time.monotonic()
        daemon.start(wait=False)
        wait_until(Progress(RedisStat(redis.client()), topic, kafka.end_offsets(topic), daemon.check).reached)
        catch_up = world.events / (time.monotonic() - start)
        eventually(lambda: daemon.check() and redis.client().hget("vir:meta", "wait_ms") == b"0", LOST_S, "live is calm")
        idle = Replay(programs, daemon, "idle")
        wait_until(lambda: daemon.check() and not idle.goes_on())
        load = Process("generator", generator(programs, kafka, topic, world, ("--rate", rate, "--format", wire)))

        def check():
            return daemon.check() and load.check()

        def seen_beside(name, before, *options):
            replay = Replay(programs, daemon, name, "--discard", before, *options)
            seen = summary(measure(Probes(kafka, topic, name, 1), Visible(redis), replay.goes_on, check))
            return {**seen, "replay": replay.result(sum(kafka.end_offsets(topic).values()))}
        eventually(lambda: check() and folded(redis, topic) > world.events + rate * WARM_S, LOST_S, "the daemon keeps up")
        alone = summary(measure(Probes(kafka, topic, "alone", 1), Visible(redis), for_seconds(seconds), check))
        beside = seen_beside("beside", "idle")
        eventually(lambda: check() and int(redis.client().hget("vir:meta", "wait_ms")) < 2 * alone["p99_ms"], LOST_S, "live is calm")
        figures = {"rate": rate, "catch_up": catch_up, "idle": {"replay": idle.result(world.events)}, "alone": alone,
                   "beside": beside, "unthrottled": seen_beside("unthrottled", "beside", *UNTHROTTLED)}
        eventually(lambda: check() and int(redis.client().hget("vir:meta", "wait_ms")) < 2 * alone["p99_ms"], LOST_S, "live is calm")
        figures["rival"] = run_rival(programs, kafka, topic, redis, check)
        load.kill()
        return figures
