# SPDX-License-Identifier: Apache-2.0
"""The programs, the broker, and a Redis and a daemon for one run."""
import contextlib
import os
import pathlib
import subprocess

from virtest import Daemon, Kafka, PortLock, Redis
from virtest.scratch import REPO, SCRATCH

RULES = REPO / "deploy" / "rules" / "virald-default.yaml"
PARTITIONS = 12


class Programs:
    """virald, viralctl and floor of a release build; built when no folder is given."""

    def __init__(self, folder=None, jobs=2):
        self.folder = pathlib.Path(folder or REPO / "build" / "release").resolve()
        if not folder:
            self._build(jobs)
        self.virald = self._find("src/daemon/virald")
        self.viralctl = self._find("src/ctl/viralctl")
        self.floor = self._find("tests/bench/floor")

    def _build(self, jobs):
        print(f"building in {self.folder}", flush=True)
        for argv in (["cmake", "--preset", "release", "-B", self.folder],
                     ["cmake", "--build", self.folder, "-j", str(jobs), "--target", "virald", "viralctl", "floor"]):
            done = subprocess.run(argv, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"{argv}:\n{done.stdout[-6000:]}")

    def _find(self, path):
        program = self.folder / path
        if not os.access(program, os.X_OK):
            raise SystemExit(f"there is no {program}; --build names a folder with a release build, or leave it out")
        return program


def new_broker():
    # What was written shall lie in the page cache, as it does for a consumer that keeps up.
    return Kafka("broker", properties={"log.segment.bytes": 1 << 30})


@contextlib.contextmanager
def daemon_on(redis, programs, kafka, topic, settings=None):
    """A Daemon of a group of its own, not yet started."""
    port = PortLock()
    address = f"127.0.0.1:{port.port}"
    config = {
        "rules_files": [str(RULES)],
        "kafka": {"brokers": kafka.bootstrap, "topics": [topic], "group_id": SCRATCH.unique(f"bench-{os.getpid()}"),
                  "dlq_topic": ""},
        "redis": {"url": redis.unix_url},
        "http": {"listen": address},
        "log": {"level": "info", "format": "logfmt"},
    }
    for path, value in (settings or {}).items():
        section = config
        *above, last = path.split(".")
        for name in above:
            section = section.setdefault(name, {})
        section[last] = value
    daemon = Daemon(config, program=programs.virald, http=address)
    try:
        yield daemon
    finally:
        daemon.close()
        port.release()


@contextlib.contextmanager
def pair(programs, kafka, topic, settings=None):
    """(Redis, Daemon) with nothing in them; the daemon is not yet started."""
    redis = Redis()
    try:
        with daemon_on(redis, programs, kafka, topic, settings) as daemon:
            yield redis, daemon
    finally:
        redis.close()
