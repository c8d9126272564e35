# SPDX-License-Identifier: Apache-2.0
"""Wait for a condition."""
import time

INTERVAL_S = 0.02
MAX_INTERVAL_S = 0.25


def eventually(probe, timeout=30.0, what=None, retry_on=(AssertionError,)):
    """Call probe until it returns something true, and return that.

    An exception of retry_on counts as "not yet". After timeout seconds a TimeoutError tells what was waited for, what
    the last call gave, and has the last exception as its cause.
    """
    end = time.monotonic() + timeout
    interval = INTERVAL_S
    while True:
        answer, failure = None, None
        try:
            answer = probe()
        except retry_on as exc:
            failure = exc
        if answer:
            return answer
        if time.monotonic() >= end:
            last = failure if failure is not None else answer
            name = what or getattr(probe, "__name__", "a condition")
            raise TimeoutError(f"{name}: not within {timeout} s; last: {last!r}") from failure
        time.sleep(interval)
        interval = min(interval * 1.5, MAX_INTERVAL_S)
