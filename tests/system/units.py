# SPDX-License-Identifier: Apache-2.0
"""virald's units: a real systemd boots a Debian in which `cmake --install` put them.

Redis runs inside the tree, behind a password and on a Unix socket of its group; Kafka outside, reached over loopback.

    service.start()                                     virald.service
    unit = service.unit("virald-replay@fix.service")    another one, that is seen and asked in the same way
"""
import json
import os
import pathlib
import shutil
import time
import urllib.error
import urllib.request

import redis
import yaml

import events
from fleet import Fleet, merged
from virtest import PortLock, Tree, eventually
from virtest.daemon import SAMPLE
from virtest.scratch import REPO

UNIT = "virald.service"
PASSWORD = "quite a secret"
SECRET = "/etc/virald/redis-password"
PARTITIONS = 3
WATCHDOG_S = 5
CHANGE_S = 90.0
SOCKET = "/run/redis/redis-server.sock"
# A folder of drop-ins for virald.service, and one for all whose names begin with virald-.
DROP_INS = (f"{UNIT}.d", "virald-.service.d")
CREDENTIAL = f"[Service]\nLoadCredential=redis-password:{SECRET}\n"
QUICK = f"[Service]\nWatchdogSec={WATCHDOG_S}\nTimeoutAbortSec=2\n"


class TreeRedis:
    """The Redis inside, as the fleet wants one: clients from outside over loopback, the daemon over the socket."""

    unix_url = f"unix://{SOCKET}"

    def __init__(self, tree):
        self._lock = PortLock()
        self._tree = tree
        self._clients = {}
        with open(tree.path("/etc/redis/redis.conf"), "a", encoding="utf-8") as conf:
            conf.write(f'port {self._lock.port}\nunixsocket {SOCKET}\nunixsocketperm 770\nrequirepass "{PASSWORD}"\n'
                       "save \"\"\nstop-writes-on-bgsave-error no\n")

    def start(self):
        self._tree.systemctl("start", "redis-server")
        eventually(self._answers, what="Redis answers", retry_on=(redis.exceptions.ConnectionError,))

    def stop(self):
        self._tree.systemctl("stop", "redis-server")

    def _answers(self):
        return self.client().ping()

    def client(self, db=0):
        if db not in self._clients:
            self._clients[db] = redis.Redis(port=self._lock.port, db=db, password=PASSWORD)
        return self._clients[db]

    def close(self):
        for client in self._clients.values():
            client.close()
        self._lock.release()


class Unit:
    """One unit of the tree, and what it has said since the test began."""

    def __init__(self, tree, name, began=None):
        self.tree, self.name, self.began = tree, name, began

    def start(self):
        self.tree.systemctl("start", self.name)

    def stop(self):
        self.tree.systemctl("stop", self.name)

    def kill(self):
        """kill -9 of its main process."""
        self.tree.systemctl("kill", "--signal=KILL", "--kill-who=main", self.name)

    def start_fails(self):
        assert self.tree.run("systemctl", "start", self.name, check=False).returncode != 0

    def show(self, name):
        return self.tree.show(self.name, name)

    @property
    def pid(self):
        return int(self.show("MainPID"))

    def wait_for(self, name, value):
        eventually(lambda: self.show(name) == value, CHANGE_S, f"{name} is {value}, not {self.show(name)}")

    def entries(self, event=None):
        """Its entries of the journal."""
        which = [f"VIRALD_EVENT={event}"] if event else []
        return [json.loads(line) for line in self.text("-o", "json", *which).splitlines()]

    def text(self, *args):
        self.tree.run("journalctl", "--sync")
        return self.tree.journal(self.name, "--since", self.began, *args)


class Service(Unit):
    """The unit in its tree; one topic, one empty Redis and one configuration for every test."""

    def __init__(self):
        super().__init__(Tree("service"), UNIT)
        self.redis = TreeRedis(self.tree)
        self.lock = PortLock()
        self.http = f"127.0.0.1:{self.lock.port}"
        self.fleet = None
        self.tree.install(os.environ.get("VR_RELEASE") or REPO / "build" / "release")
        for folder in DROP_INS:
            folder = self.tree.path("/etc/systemd/system") / folder
            folder.mkdir(parents=True)
            (folder / "secrets.conf").write_text(CREDENTIAL)
            shutil.copy(self.tree.path("/usr/share/doc/virald/systemd/redis-socket.conf"), folder)
        self.tree.path(f"/etc/systemd/system/{UNIT}.d/quick.conf").write_text(QUICK)
        secret = self.tree.path(SECRET)
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        self.tree.boot()
        self.tree.run("journalctl", "--update-catalog")

    def close(self):
        self.tree.close()
        self.redis.close()
        self.lock.release()

    # Each test

    def prepare(self, kafka, folder):
        topic = kafka.create_topic(partitions=PARTITIONS)
        kafka.create_topic(topic + ".dlq")
        self.end()
        self.redis.start()
        self.redis.client().flushall()
        for options in self.tree.path("/etc/virald/replay").iterdir():
            options.unlink()
        self.fleet = Fleet(kafka, self.redis, topic, folder, size=0)
        self.write()
        self.began = f"@{time.time():.6f}"
        return self

    def end(self):
        """Nothing of virald runs or has failed."""
        self.tree.systemctl("stop", "virald*")
        self.tree.systemctl("reset-failed", "virald*")

    def unit(self, name):
        return Unit(self.tree, name, self.began)

    def virald(self, *args, program="virald", code=0):
        """A command as root types it in the tree; its output."""
        done = self.tree.run(program, *args, "--set", f"redis.password_file={SECRET}", check=False)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def write(self, rules=None, **more):
        """The configuration in conf.d, and the rules."""
        own = {"rules_files": ["/etc/virald/rules.d/system.yaml"], "http": {"listen": self.http}, "log": {"format": "auto"}}
        config = merged(merged(self.fleet.config, own), more)
        if rules is not None:
            self.fleet.write_rules(rules)
        conf_d = self.tree.path("/etc/virald/conf.d")
        conf_d.mkdir(exist_ok=True)
        (conf_d / "system.yaml").write_text(yaml.safe_dump(config))
        self.tree.path("/etc/virald/rules.d/system.yaml").write_text(self.fleet.rules_file.read_text())

    def produce(self, seed, count=4000):
        made = events.simulated(count, seed, "--rate", 20, "--contents", 60, "--life", "20m", "--duplicates", 0.05, "--late", 0.05)
        self.fleet.kafka.produce(self.fleet.topics[0], events.mixed(made, seed))

    # The daemon

    def outside(self):
        """The process as this side of the namespaces knows it."""
        wanted = str(self.pid)
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            inside = lines["NSpid"].split()
            if lines["Name"] == "virald" and len(inside) > 1 and inside[-1] == wanted:
                return int(status.parent.name)
        raise AssertionError(f"no process {wanted} of the tree")

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, series):
        for line in self.get("/metrics")[1].splitlines():
            match = SAMPLE.match(line)
            if match and match[1] + (match[2] or "") == series:
                return float(match[3])
        return None
