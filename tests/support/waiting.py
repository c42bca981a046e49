"""Waiting for something to become true, instead of sleeping and hoping."""

import time


def wait_until(predicate, timeout=30.0, interval=0.02, what=None):
    """Calls PREDICATE until it answers something true, which it returns; fails after TIMEOUT seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what or predicate}")
        time.sleep(interval)
