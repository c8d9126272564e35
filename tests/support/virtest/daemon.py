# SPDX-License-Identifier: Apache-2.0
"""virald as a process of the test, with a configuration of its own."""
import os
import pathlib
import re
import signal
import urllib.error
import urllib.request

import yaml

from virtest.notify import NotifySocket
from virtest.process import Process
from virtest.scratch import REPO, SCRATCH

READY_S = 60.0
STOP_S = 60.0
HTTP_S = 10.0
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})?\s+(\S+)")


def binary(name):
    """The path of virald or viralctl: in VR_BUILD, else in the sanitizer build of tests/run."""
    build = pathlib.Path(os.environ.get("VR_BUILD") or REPO / "build" / "asan-ubsan")
    for folder in (build, build / "src" / "daemon", build / "src" / "ctl", build / "bin"):
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"no {name} in {build}: build it, or name the build folder in VR_BUILD")


class Daemon:
    """One virald. Nothing runs before start().

    config    the whole configuration, as nested dictionaries; a change of it is written by start() and reload()
    http      host:port where the configuration lets it listen, for http() and metrics()
    """

    def __init__(self, config, name="virald", program=None, http=None, env=None):
        self.config = config
        self.name = SCRATCH.unique(name)
        self.folder = SCRATCH.folder(name)
        self.config_file = self.folder / "virald.yaml"
        self.notify = None
        self._program = program or binary("virald")
        self._http = http
        self._env = env or {}
        self._log = SCRATCH.log(name)
        self._process = None

    # Life

    def start(self, wait=True, args=()):
        """Start it, and wait for its READY=1 unless told not to. It may be started again after its end."""
        self.write_config()
        if self.notify is not None:
            self.notify.close()
        self.notify = NotifySocket()
        argv = [self._program, "run", "--config", self.config_file, *args]
        self._process = Process(self.name, argv, env={**self._env, **self.notify.env}, log=self._log, cwd=self.folder)
        if wait:
            self.wait_ready()
        return self

    def write_config(self):
        self.config_file.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def wait_ready(self, timeout=READY_S):
        self.notify.wait_for("READY", "1", timeout, self._process.check)

    def reload(self, timeout=READY_S):
        """SIGHUP with the configuration as it is now, and wait until it says that it is ready again."""
        self.write_config()
        seen = len(self.notify.messages)
        self._process.send(signal.SIGHUP)
        self.notify.wait_for("RELOADING", "1", timeout, self._process.check, seen)
        self.notify.wait_for("READY", "1", timeout, self._process.check, seen)

    def stop(self, timeout=STOP_S):
        """SIGTERM, drain, exit; returns the exit status."""
        return self._process.stop(timeout)

    def kill(self):
        """kill -9."""
        return self._process.kill()

    def pause(self):
        self._process.pause()

    def resume(self):
        self._process.resume()

    def send(self, sig):
        self._process.send(sig)

    def wait(self, timeout=STOP_S):
        """Wait for it to end by itself; returns the exit status."""
        return self._process.wait(timeout)

    def check(self):
        """Raise, with the end of its log, if it has ended."""
        return self._process.check()

    @property
    def running(self):
        return self._process is not None and self._process.running

    @property
    def returncode(self):
        return self._process.returncode

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        """All that it has logged, over all its starts."""
        return self._process.text()

    def close(self):
        if self._process is not None:
            self._process.kill()
        if self.notify is not None:
            self.notify.close()

    # HTTP

    def http(self, path):
        """(status, text) of a GET."""
        try:
            with urllib.request.urlopen(f"http://{self._http}{path}", timeout=HTTP_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """{'name' or 'name{labels}': value}"""
        found = (SAMPLE.match(line) for line in self.http("/metrics")[1].splitlines() if not line.startswith("#"))
        return {match[1] + (match[2] or ""): float(match[3]) for match in found if match}
