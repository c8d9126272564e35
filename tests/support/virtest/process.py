# SPDX-License-Identifier: Apache-2.0
"""A child process with a log, in a session of its own, that cannot outlive the test run."""
import atexit
import concurrent.futures
import ctypes
import os
import signal
import subprocess

from virtest.scratch import SCRATCH

PR_SET_PDEATHSIG = 1
TAIL_BYTES = 6000

_libc = ctypes.CDLL(None, use_errno=True)
_all = []

# The kernel sends the parent-death signal when the *thread* that forked ends, so one lasting thread forks them all.
_forker = concurrent.futures.ThreadPoolExecutor(max_workers=1)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """argv, started at once. Its output goes to the log file."""

    def __init__(self, name, argv, env=None, cwd=None, log=None, stdin=subprocess.DEVNULL, pass_fds=()):
        self.name = name
        self.argv = [str(arg) for arg in argv]
        self.log = log or SCRATCH.log(name)
        with open(self.log, "ab") as out:
            self._child = _forker.submit(
                subprocess.Popen, self.argv, stdin=stdin, stdout=out, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
                env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent, pass_fds=pass_fds).result()
        self._marked = 0
        _all.append(self)

    @property
    def pid(self):
        return self._child.pid

    @property
    def returncode(self):
        """None while it runs; -N when signal N ended it."""
        return self._child.poll()

    @property
    def running(self):
        return self.returncode is None

    def check(self):
        """Raise if it has ended: for probes that would otherwise wait for a dead process."""
        if not self.running:
            raise RuntimeError(f"{self.name} ended with {self.returncode}:\n{self.tail()}")
        return True

    def send(self, sig):
        if self.running:
            self._child.send_signal(sig)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def wait(self, timeout=30.0):
        return self._child.wait(timeout)

    def kill(self):
        """SIGKILL to it and to all that it started in its session; returns once it is gone."""
        if self.running:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self._child.wait()

    def stop(self, timeout=30.0):
        """SIGTERM, and the exit status; a process that does not heed it in time is killed and a TimeoutError raised."""
        self.send(signal.SIGTERM)
        self.resume()
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not end within {timeout} s of SIGTERM:\n{self.tail()}") from None

    def text(self):
        """The whole log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, since=0):
        """The end of the log, from the byte `since` on at the earliest."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - TAIL_BYTES))
            return file.read().decode(errors="replace")

    def mark(self):
        """What is logged from here on belongs to the next test."""
        self._marked = self.log.stat().st_size if self.log.exists() else 0

    def since_mark(self):
        return self.tail(self._marked)


def mark_all():
    """A test begins: forget the processes that ended, remember where the logs of the others stand."""
    _all[:] = [process for process in _all if process.running]
    for process in _all:
        process.mark()


def logs_since_mark():
    """(name, text) of every log that grew since mark_all(); a server that was started again has one log."""
    oldest = {}
    for process in _all:
        oldest.setdefault(process.log, process)
    found = ((process.name, process.since_mark()) for process in oldest.values())
    return [(name, text) for name, text in found if text.strip()]


@atexit.register
def _kill_all():
    for process in _all:
        process.kill()
