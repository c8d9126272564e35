# SPDX-License-Identifier: Apache-2.0
"""Ports for servers of a test run.

A port is taken by a lock on a file of its number, so that test runs on one machine never meet, and only if nothing
listens there. The range lies below the kernel's ephemeral ports: no outgoing connection takes one meanwhile.
"""
import fcntl
import os
import pathlib
import random
import socket
import tempfile

FIRST, LAST = 20000, 31999
LOCKS = pathlib.Path(tempfile.gettempdir()) / f"virtest-ports-{os.getuid()}"


def _is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class PortLock:
    """One port, ours until release() or the end of this process."""

    def __init__(self):
        LOCKS.mkdir(mode=0o700, exist_ok=True)
        for port in random.sample(range(FIRST, LAST + 1), LAST + 1 - FIRST):
            self._file = open(LOCKS / str(port), "w")
            if self._take() and _is_free(port):
                self.port = port
                return
            self._file.close()
        raise RuntimeError(f"no free port between {FIRST} and {LAST}")

    def _take(self):
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self):
        self._file.close()
