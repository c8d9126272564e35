# SPDX-License-Identifier: Apache-2.0
"""A minimal Debian of its own folder, in which systemd-nspawn boots a real systemd.

The tree is made once by tests/support/make-tree and kept in the cache folder; every Tree works on a copy. Never give
systemd the machine's own root: it would empty its /tmp.
"""
import os
import pathlib
import shutil
import subprocess
import uuid

from virtest.process import Process
from virtest.scratch import REPO, SCRATCH
from virtest.wait import eventually

BOOT_S = 120.0
STOP_S = 60.0
RUN_S = 120.0
SIGRTMIN_HALT = 34 + 3          # systemd's signal for: halt

# systemd-nspawn leaves its machine running when it is killed; number 1 of a namespace of processes takes all along.
ALL_DIE_WITH_US = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]

# What virald is linked to, and what a test needs beside it.
PACKAGES = (
    "systemd systemd-sysv dbus procps iproute2 ca-certificates redis-server redis-tools librdkafka1 libhiredis0.14 "
    "libprotobuf-c1 libyaml-0-2 libjansson4 libmicrohttpd12 libxxhash0 zlib1g libcurl4"
).split()


def make(packages=()):
    """The folder of a Debian with these packages more than the minimum; from the cache if it is there."""
    script = REPO / "tests" / "support" / "make-tree"
    done = subprocess.run([script, *packages], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip())


def _only_child(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


class Tree:
    """A copy of the tree. boot() starts systemd in it; run() runs a command in it, booted or not.

    network  "host": the machine's own loopback, so that servers of the test are reached; "private": one of its own
    """

    def __init__(self, name="tree", packages=PACKAGES, network="host"):
        self.name = name
        self.machine = f"{SCRATCH.unique(name)}-{os.getpid()}"
        self.root = SCRATCH.folder(name) / "root"
        self._network = network
        self._process = None
        subprocess.run(["cp", "-a", "--reflink=auto", make(packages), self.root], check=True)
        self._prepare()

    def _prepare(self):
        """Nothing but what a test starts shall run in it."""
        (self.root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")     # none: it would enable every unit
        (self.root / "etc/hostname").write_text(f"{self.machine}\n")
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        (self.root / "etc/resolv.conf").touch()

    def path(self, inside):
        """Where a path inside the tree lies outside of it."""
        return self.root / str(inside).lstrip("/")

    def install(self, build):
        """cmake --install of a build folder into the tree, under /usr and /etc."""
        subprocess.run(["cmake", "--install", build, "--prefix", "/usr"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": str(self.root)})

    def _nspawn(self, *args):
        network = ["--private-network"] if self._network == "private" else []
        return ["systemd-nspawn", "--quiet", "-D", self.root, f"--machine={self.machine}", "--register=no", "--keep-unit", "--timezone=off",
                "--resolv-conf=off", *network, *args]

    def boot(self):
        """Returns once systemd has started all it wants to start."""
        argv = self._nspawn("--console=pipe", "--boot", "systemd.log_target=console")
        self._process = Process(self.name, [*ALL_DIE_WITH_US, *argv])
        eventually(self._is_up, BOOT_S, f"systemd of {self.name} is up", (subprocess.SubprocessError, OSError))
        return self

    def _is_up(self):
        self._process.check()
        return self._leader() and self.state() in ("running", "degraded")

    def _leader(self):
        """The process that is number 1 inside: unshare's child is systemd-nspawn, whose child it is; None before."""
        nspawn = _only_child(self._process.pid)
        return nspawn and _only_child(nspawn)

    def state(self):
        """What systemctl is-system-running says."""
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def run(self, *argv, check=True, timeout=RUN_S, stdin=None):
        """Run a command inside; returns a CompletedProcess with text of stdout and stderr."""
        inside = self._enter() if self._process is not None else self._nspawn("--as-pid2", "--pipe", "--")
        done = subprocess.run([*map(str, inside), *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, check=False, input=stdin, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def _enter(self):
        net = ["--net"] if self._network == "private" else []
        return ["nsenter", f"--target={self._leader()}", "--mount", "--uts", "--ipc", "--pid", *net, "--root", "--wd"]

    def systemctl(self, *args, check=True):
        return self.run("systemctl", "--no-pager", *args, check=check).stdout

    def journal(self, unit=None, *args):
        """The journal's text."""
        which = ["--unit", unit] if unit else []
        return self.run("journalctl", "--no-pager", "--quiet", *which, *args).stdout

    def show(self, unit, prop):
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={prop}", unit).stdout.strip()

    def stop(self):
        """An orderly end of the whole tree."""
        os.kill(self._leader(), SIGRTMIN_HALT)
        self._process.wait(STOP_S)

    def close(self):
        if self._process is not None:
            leader = self._process.running and self._leader()
            if leader:
                os.kill(leader, 9)
            self._process.kill()
        shutil.rmtree(self.root, ignore_errors=True)
        left = pathlib.Path("/run/systemd/nspawn/propagate", self.machine)     # it stays where /run is a disk
        if left.is_dir():
            left.rmdir()
