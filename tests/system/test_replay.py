# SPDX-License-Identifier: Apache-2.0
"""`virald replay` on real Kafka and Redis: the spare database shows what live shows, and nobody is disturbed."""
import json

import pytest

import events
from fleet import Fleet
from replays import check_generation, generation, offsets, replay, same_alerts, spare


@pytest.fixture
def make(kafka, redis_server, closing, tmp_path):
    """make(partitions, ...) -> a fleet of one, with a topic and its dead letters."""
    def build(partitions=2, size=1, topic=None, redis=None, **more):
        topic = topic or kafka.create_topic(partitions=partitions)
        kafka.create_topic(topic + ".dlq")
        return closing(Fleet(kafka, redis or redis_server, topic, tmp_path, size=size, **more))
    return build


def some(count, seed, contents=50, rate=50):
    return events.mixed(events.simulated(count, seed, "--rate", rate, "--contents", contents), seed)


def test_a_replay_shows_what_live_shows(make, kafka):
    fleet = make(3)
    topic = fleet.topics[0]
    bad = [record for _, record in events.refused(60, 1)]
    kafka.produce(topic, events.spread(some(6000, 1), bad, 2))
    fleet.start().settle()
    partitions = fleet.fold()
    fleet.check(partitions)
    before = fleet.shown()
    letters = len(kafka.consume(topic + ".dlq"))
    done = replay(fleet, "--name", "fix")
    assert "fix" in done.stdout
    check_generation(fleet, "fix", partitions)
    assert same_alerts(fleet, "fix") > 10
    assert offsets(fleet, topic) == fleet.offsets(topic)
    after = fleet.shown()
    assert {key: value for key, value in after.items() if b":replay:" not in key[1]} == before
    assert len(kafka.consume(topic + ".dlq")) == letters
    assert fleet.stop() == [0]
