# SPDX-License-Identifier: Apache-2.0
"""Topics full of generated events."""
import subprocess
import time

from virbench.parts import PARTITIONS

HOUR_S = 3600
FILL_S = 3600
SEED = 20


def generator(programs, kafka, topic, world, more):
    """The command line of the generator. world: contents, zipf."""
    return [str(arg) for arg in (
        programs.viralctl, "simulate", "--brokers", kafka.bootstrap, "--topic", topic, "--contents", world.contents,
        "--zipf", world.zipf, "--seed", SEED, "--steady", "--no-progress", *more)]


def fill(programs, kafka, world, events, wire, config=None):
    """A new topic with so many events, spread over an hour that has just ended; its name."""
    topic = kafka.create_topic(f"{kafka.topic_name('bench')}-{wire}", PARTITIONS, config=config)
    argv = generator(programs, kafka, topic, world, (
        "--fast", "--events", events, "--rate", max(events / HOUR_S, 0.001), "--format", wire))
    start = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=FILL_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{argv}:\n{done.stdout}")
    found = sum(kafka.end_offsets(topic).values())
    if found != events:
        raise RuntimeError(f"{topic} holds {found} records, not {events}")
    print(f"{topic}: {events} events in {time.monotonic() - start:.0f} s", flush=True)
    return topic
