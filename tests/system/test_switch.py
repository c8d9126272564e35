# SPDX-License-Identifier: Apache-2.0
"""A shadow generation becomes live, and the one before comes back, while events go on and somebody reads all the time."""
import subprocess

import pytest

import events
from fleet import Fleet, viralctl
from virtest import eventually
from virtest.daemon import binary

PARTITIONS = 4


@pytest.fixture
def topic(kafka):
    name = kafka.create_topic(partitions=PARTITIONS)
    kafka.create_topic(name + ".dlq", partitions=1)
    return name


@pytest.fixture
def fleet(closing, kafka, redis_server, topic, tmp_path):
    return closing(Fleet(kafka, redis_server, topic, tmp_path))


def virald(fleet, *args, code=0):
    """Run virald; its output and what it said."""
    done = subprocess.run([binary("virald"), *map(str, args), "--config", fleet.daemons[0].config_file], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def shadow(fleet, closing, kafka, name="n1", rules=None):
    """A second daemon folds the log into the spare database."""
    folder = fleet.folder / name
    folder.mkdir()
    fleet.redis.client(1).set("vir:generation", name)
    own = {"kafka": {"group_id": "s-" + fleet.topics[0]}, "redis": {"live_db": 1, "spare_db": 4, "alerts_db": 3}}
    other = closing(Fleet(kafka, fleet.redis, fleet.topics, folder, rules or fleet.rules_file.read_text(), size=1, config=own))
    other.start()
    spare, ends = fleet.redis.client(1), kafka.end_offsets(fleet.topics[0])
    eventually(lambda: all(int(spare.hget(fleet.own(p), "off") or -1) == end for p, end in ends.items()), 120, "the shadow has it all")
    eventually(lambda: all(spare.hget(fleet.own(p), "complete") == b"1" for p in ends), 60, "the shadow is complete")
    other.stop()
    for p, end in ends.items():
        spare.hset(fleet.own(p), "group", "g-" + fleet.topics[0])
        spare.hset("vir:gen", f"p:{fleet.topics[0]}:{p}", f"0 {end} 0 0")
    spare.hset("vir:gen", mapping={"format": 1, "name": name, "state": "full", "rules": "live", "rules_hash": "", "rules_text": "",
                                   "from": "earliest", "to": "live", "created_ms": 0, "runner": "", "beat_ms": 0})
    for _, entry in fleet.redis.client(3).xrange("vir:alerts"):
        fleet.alerts.xadd(f"vir:replay:{name}:alerts", entry)


def produce(kafka, topic, count, seed):
    kafka.produce(topic, events.mixed(events.simulated(count, seed, "--rate", 100, "--contents", 120, "--duplicates", 0.05), seed))


def test_live_goes_on_from_what_is_switched_to_and_back(closing, kafka, topic, fleet):
    produce(kafka, topic, 8000, 1)
    fleet.start().settle()
    shadow(fleet, closing, kafka)
    print(viralctl("diff", "n1", "--config", fleet.daemons[0].config_file))
    produce(kafka, topic, 500, 2)
    fleet.settle()
    print(viralctl("diff", "n1", "--config", fleet.daemons[0].config_file))
    print(viralctl("diff", "n1", "--config", fleet.daemons[0].config_file, "--json"))
    out = virald(fleet, "switch", "n1")
    assert "n1 is live" in out
    fleet.settle()
    fleet.check()
    produce(kafka, topic, 2000, 3)
    fleet.settle()
    fleet.check()
    assert fleet.live.hget("vir:meta", "generation") == b"n1"
    assert "nothing was done" in virald(fleet, "switch", "n1")
    assert "live is live" in virald(fleet, "switch", "--undo")
    fleet.settle()
    fleet.check()
