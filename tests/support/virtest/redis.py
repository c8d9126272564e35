# SPDX-License-Identifier: Apache-2.0
"""A private redis-server that can be killed, stopped, and made to lose its tail."""
import os
import pathlib
import subprocess

import redis

from virtest.ports import PortLock
from virtest.process import Process
from virtest.scratch import SCRATCH
from virtest.wait import eventually

START_S = 60.0
NOT_YET = (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError)


class Redis:
    """redis-server on a Unix socket and a loopback port, with a folder of its own.

    appendonly   True: every write is in the append-only file before its reply, so that kill() loses nothing and
                 lose_tail() exactly what one wants
    password     of the default user
    config       further lines of redis.conf, as a dictionary
    """

    def __init__(self, name="redis", appendonly=False, password=None, config=None):
        self.name = name
        self.folder = SCRATCH.folder(name)
        self.socket = self.folder / "redis.sock"
        self.password = password
        self._lock = PortLock()
        self.port = self._lock.port
        self._log = SCRATCH.log(name)
        self._process = None
        self._clients = []
        self._write_config(appendonly, config or {})
        self.start()

    def _write_config(self, appendonly, config):
        lines = {
            "bind": "127.0.0.1", "port": self.port, "unixsocket": self.socket, "dir": self.folder,
            "save": '""', "appendonly": "yes" if appendonly else "no", "appendfsync": "no",
            "auto-aof-rewrite-percentage": 0, "aof-load-truncated": "yes", "daemonize": "no",
        }
        if self.password:
            lines["requirepass"] = self.password
        lines.update(config)
        text = "".join(f"{key} {value}\n" for key, value in lines.items())
        (self.folder / "redis.conf").write_text(text)

    # Life

    def start(self):
        """Returns once it answers, its data loaded."""
        self._process = Process(self.name, ["redis-server", self.folder / "redis.conf"], log=self._log)
        eventually(self._answers, START_S, f"{self.name} answers", NOT_YET)

    def _answers(self):
        self._process.check()
        return self.client().ping()

    def stop(self):
        """An orderly end: the append-only file is written out."""
        self.resume()
        return self._process.stop()

    def kill(self):
        """kill -9. What had been answered is in the append-only file all the same: the kernel holds it."""
        self._process.kill()

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """SIGSTOP: connections stay open, nothing answers."""
        self._process.pause()

    def resume(self):
        self._process.resume()

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process.running

    def close(self):
        for client in self._clients:
            client.close()
        self._process.kill()
        self._lock.release()

    # The append-only file

    @property
    def aof(self):
        """The file that writes are appended to."""
        return max((self.folder / "appendonlydir").glob("*.incr.aof"), key=_sequence)

    def mark(self):
        """A place in the append-only file: after every write that has been answered."""
        return self.aof.stat().st_size

    def lose_tail(self, to=None, lose=None, mend=True):
        """Die, lose the end of the append-only file, start again: keep `to` bytes, or drop the last `lose`.

        Returns how many bytes were lost. A transaction that is cut through is gone whole: redis-check-aof sees to it.
        mend=False leaves it to Redis 7.0, which keeps the beginning of that transaction in the file and, at the start
        after this one, replays it together with the next.
        """
        self.kill()
        file = self.aof
        size = file.stat().st_size
        keep = to if to is not None else max(size - lose, 0)
        os.truncate(file, keep)
        if mend:
            subprocess.run(["redis-check-aof", "--fix", file], input="y\n", text=True, stdout=subprocess.DEVNULL, check=True)
        self.start()
        return size - keep

    # Talking to it

    @property
    def url(self):
        """redis://..., through TCP."""
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        secret = f":{self.password}@" if self.password else ""
        return f"unix://{secret}{self.socket}"

    def client(self, db=0, decode=False):
        """A client of python3-redis through the Unix socket; the same one for the same arguments."""
        for client in self._clients:
            if client.virtest_key == (db, decode):
                return client
        client = redis.Redis(unix_socket_path=str(self.socket), db=db, password=self.password, decode_responses=decode)
        client.virtest_key = (db, decode)
        self._clients.append(client)
        return client

    def dump(self, db=0):
        """Everything in one database, as {key: value} of bytes, for comparing two states."""
        client = self.client(db)
        return {key: client.dump(key) for key in client.scan_iter(count=1000)}


def _sequence(path):
    """appendonly.aof.12.incr.aof -> 12"""
    return int(path.name.split(".")[-3])
