# SPDX-License-Identifier: Apache-2.0
"""The service manager's end of sd_notify."""
import os
import socket
import threading
import time

from virtest.scratch import SCRATCH

MAX_MESSAGE = 65536
POLL_S = 0.25


class NotifySocket:
    """Receives what a service tells its manager. Give `env` to the service.

    A thread reads what comes, as a manager does: ten messages that nobody reads fill the queue.
    """

    def __init__(self, abstract=False):
        name = SCRATCH.unique("notify")
        path = f"@virtest-{os.getpid()}-{name}" if abstract else str(SCRATCH.root / f"{name}.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + path[1:] if abstract else path)
        self.env = {"NOTIFY_SOCKET": path}
        self.messages = []
        self._came = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        self._socket.settimeout(POLL_S)
        while not self._closed:
            try:
                text = self._socket.recv(MAX_MESSAGE).decode(errors="replace")
            except socket.timeout:
                continue
            with self._came:
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines() if "=" in line))
                self._came.notify_all()

    def read(self, timeout=0.0, count=None):
        """Wait up to timeout seconds for more than `count` messages (default: than there are). True if they are there."""
        with self._came:
            count = len(self.messages) if count is None else count
            return self._came.wait_for(lambda: len(self.messages) > count, timeout)

    def values(self, key):
        """All values of a key so far, oldest first."""
        return [message[key] for message in list(self.messages) if key in message]

    def wait_for(self, key, value=None, timeout=30.0, check=lambda: True, after=0):
        """Wait for a message with key (= value), not among the first `after`; returns it. check() may raise to give up."""
        end = time.monotonic() + timeout
        while True:
            count = len(self.messages)
            for message in self.messages[after:count]:
                if key in message and value in (None, message[key]):
                    return message
            check()
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {key}={value or '*'} within {timeout} s; got {self.messages[after:]}")
            self.read(min(left, POLL_S), count)

    def close(self):
        self._closed = True
        self._thread.join()
        self._socket.close()
