# SPDX-License-Identifier: Apache-2.0
"""Three daemons of a group under kill -9, SIGSTOP beyond the session, a Redis that is killed and one that loses its tail.

The faults are drawn from a seed, which is printed: VR_CHAOS_SEED runs that one again, VR_CHAOS_ROUNDS as many as wanted.
What must hold at the end: every key is the fold of the log, and no alert is missing or there twice.
"""
import os
import random

import pytest

import events
from fleet import Fleet
from virtest import Redis, eventually

PARTITIONS = 6
CHUNK = 1500
ROUNDS = int(os.environ.get("VR_CHAOS_ROUNDS", "14"))
SEED = int(os.environ.get("VR_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
REACT_S = 90.0


@pytest.fixture
def redis(closing):
    return closing(Redis(appendonly=True))


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=PARTITIONS)
    kafka.create_topic(name + ".dlq", partitions=1)
    return name


@pytest.fixture
def fleet(closing, kafka, redis, topic, tmp_path):
    return closing(Fleet(kafka, redis, topic, tmp_path, size=3))


class Chaos:
    def __init__(self, kafka, redis, fleet, topic, seed):
        self.kafka, self.redis, self.fleet, self.topic = kafka, redis, fleet, topic
        self.random = random.Random(seed)
        self.made = 0
        self.lost = 0
        self.begun = redis.mark()

    def produce(self):
        """The next events, at random into one partition or over all of them by key."""
        self.made += 1
        some = events.simulated(CHUNK, self.random.randrange(1 << 30), "--rate", 100, "--contents", 120, "--duplicates", 0.05)
        bad = [record for _, record in events.refused(4, self.random.randrange(1 << 30))]
        self.kafka.produce(self.topic, events.spread(events.mixed(some, self.made), bad, self.made))

    def caught_up(self):
        ends = self.kafka.end_offsets(self.topic)
        offsets = self.fleet.offsets(self.topic)
        assert offsets == ends, (offsets, ends)
        return True

    def moved(self, before):
        """Some partition was cut since: a fault that comes now finds work in the middle."""
        now = self.fleet.offsets(self.topic)
        return any((now[p] or 0) > (before[p] or 0) for p in now)

    def some_daemon(self):
        return self.random.choice(self.fleet.running())

    # Faults: each leaves a fleet that can go on.

    def kill_daemon(self):
        daemon = self.some_daemon()
        daemon.kill()
        daemon.start(wait=False)

    def stop_beyond_session(self):
        """The group goes on without it; then the zombie wakes, with a cut in its hands."""
        daemon = self.some_daemon()
        daemon.pause()
        try:
            self.produce()
            eventually(self.caught_up, REACT_S, "the others have taken over")
        finally:
            daemon.resume()

    def leave_and_join(self):
        daemon = self.some_daemon()
        assert daemon.stop() == 0
        daemon.start(wait=False)

    def kill_redis(self):
        self.redis.kill()
        self.redis.start()

    def lose_tail(self):
        """Not the beginning: a Redis that lost all of a partition is refused, as test_policies.py shows."""
        size = self.redis.mark()
        self.lost += self.redis.lose_tail(to=max(size - self.random.randrange(1, 400_000), self.begun)) > 0

    def run(self, rounds):
        faults = [self.kill_daemon, self.kill_daemon, self.stop_beyond_session, self.leave_and_join, self.kill_redis, self.lose_tail]
        # Each at least once, whatever the seed.
        drawn = faults + [self.random.choice(faults) for _ in range(max(rounds - len(faults), 0))]
        self.random.shuffle(drawn)
        for fault in drawn:
            before = self.fleet.offsets(self.topic)
            self.produce()
            eventually(lambda: self.moved(before), REACT_S, "some of it is cut")
            print(fault.__name__, flush=True)
            fault()
        for daemon in self.fleet.daemons:
            if not daemon.running:
                daemon.start(wait=False)


def stream_ids(fleet):
    """(id, state) of every entry."""
    return [(entry[b"id"], entry[b"state"]) for _, entry in fleet.alerts.xrange("vir:alerts")]


def test_counters_and_alerts_are_exact_through_all_of_it(kafka, redis, fleet, topic):
    print(f"VR_CHAOS_SEED={SEED} VR_CHAOS_ROUNDS={ROUNDS}", flush=True)
    fleet.start().settle()
    chaos = Chaos(kafka, redis, fleet, topic, SEED)
    chaos.run(ROUNDS)
    assert chaos.lost
    fleet.settle(timeout=240)
    report = fleet.check()
    assert report.counts["alerts"] > 20
    said = stream_ids(fleet)
    assert len(said) == len(set(said))
    assert set(fleet.stop()) == {0}
