# SPDX-License-Identifier: Apache-2.0
"""The service manager's end of sd_notify."""
import os
import socket
import time

from virtest.scratch import SCRATCH

MAX_MESSAGE = 65536


class NotifySocket:
    """Receives what a service tells its manager. Give `env` to the service.

    Messages wait in the socket's queue until one of the functions here reads them.
    """

    def __init__(self, abstract=False):
        name = SCRATCH.unique("notify")
        path = f"@virtest-{os.getpid()}-{name}" if abstract else str(SCRATCH.root / f"{name}.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + path[1:] if abstract else path)
        self.env = {"NOTIFY_SOCKET": path}
        self.messages = []

    def read(self, timeout=0.0):
        """Read what has come, waiting for the first up to timeout seconds. True if there was something."""
        count = len(self.messages)
        try:
            while True:
                waiting = timeout if len(self.messages) == count else 0.0
                self._socket.settimeout(max(waiting, 0.0))
                text = self._socket.recv(MAX_MESSAGE).decode(errors="replace")
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines() if "=" in line))
        except (BlockingIOError, socket.timeout):
            return len(self.messages) > count

    def values(self, key):
        """All values of a key so far, oldest first."""
        self.read()
        return [message[key] for message in self.messages if key in message]

    def wait_for(self, key, value=None, timeout=30.0, check=lambda: True, after=0):
        """Wait for a message with key (= value), not among the first `after`; returns it. check() may raise to give up."""
        end = time.monotonic() + timeout
        while True:
            for message in self.messages[after:]:
                if key in message and value in (None, message[key]):
                    return message
            check()
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {key}={value or '*'} within {timeout} s; got {self.messages[after:]}")
            self.read(min(left, 0.25))

    def close(self):
        self._socket.close()
