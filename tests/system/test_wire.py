# SPDX-License-Identifier: Apache-2.0
"""Records that are broken in every way: what the oracle refuses goes to the dead letters, all else is counted, and nothing more.

The breaks are drawn from a seed, which is printed: VR_WIRE_SEED runs that one again.
"""
import os
import random

import pytest

import events
from fleet import Fleet
from oracle.wire import Refused
from virtest import Record

SEED = int(os.environ.get("VR_WIRE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
COUNT = 6000


def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def cut(rng, data):
    return data[:rng.randrange(len(data))]


def grow(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.randrange(1, 6)) + data[at:]


def repeat(rng, data):
    start = rng.randrange(len(data))
    end = rng.randrange(start, len(data)) + 1
    return data[:end] + data[start:end] + data[end:]


def noise(rng, _):
    return rng.randbytes(rng.randrange(0, 200))


def deep(rng, _):
    return rng.choice((b"[", b'{"a":', b'{"labels":{"a":')) * rng.randrange(1, 9000)


def long(rng, data):
    return data + b" " * (65536 + rng.choice((-1, 0, 1)) - len(data))


BREAKS = (flip, flip, flip, cut, grow, grow, repeat, repeat, noise, deep, long)


def broken(record, rng):
    data = record.value
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(BREAKS)(rng, data) if data else data
    return record._replace(value=data)


@pytest.fixture
def fleet(closing, kafka, redis_server, tmp_path):
    topic = kafka.create_topic(partitions=4, config={"max.message.bytes": 2000000})
    kafka.create_topic(topic + ".dlq", config={"max.message.bytes": 2000000})
    return closing(Fleet(kafka, redis_server, topic, tmp_path))


def test_dead_letters_are_exactly_what_the_oracle_refuses(kafka, fleet):
    print(f"VR_WIRE_SEED={SEED}", flush=True)
    rng, topic = random.Random(SEED), fleet.topics[0]
    made = events.simulated(COUNT, SEED, "--rate", 20, "--contents", 60)
    for event in made[::3]:
        event["labels"] = {"team": "desk", "\u5fae": "\u4fe1"}
    made = events.mixed(made, SEED)
    kafka.produce(topic, [broken(record, rng) if rng.random() < 0.5 else record for record in made])
    fleet.start().settle()
    logs = fleet.logs()
    partitions = fleet.fold(logs)
    fleet.check(partitions)
    letters = [dict(letter.headers) for letter in kafka.consume(topic + ".dlq")]
    written = sorted((int(h["__connect.errors.partition"]), int(h["__connect.errors.offset"])) for h in letters)
    undecodable = {(p, offset) for (_, p), records in logs.items() for offset, _, _, event in records if isinstance(event, Refused)}
    assert len(written) == len(set(written)) == sum(sum(p.refused.values()) for p in partitions)
    assert undecodable <= set(written) and len(undecodable) > COUNT // 10
    counted = [value for daemon in fleet.daemons for name, value in daemon.metrics().items() if name.startswith("virald_events_rejected_total")]
    assert sum(counted) >= len(written)  # more where a partition moved and was read again


def test_tombstones_empty_records_and_records_without_key(kafka, fleet):
    topic = fleet.topics[0]
    made = events.simulated(200, 3, "--rate", 20, "--contents", 5)
    odd = [Record(None, None), Record(b"", b""), Record(b"tick", b"", headers=[("virality-tick", b"")]), Record(b"k", None)]
    kafka.produce(topic, events.spread([events.record(event) for event in made], odd * 5, 4))
    keyless = [events.record(event)._replace(key=None, partition=0) for event in made[:3]]
    kafka.produce(topic, keyless)
    fleet.start().settle()
    fleet.check(need=("fields", "contents"))
