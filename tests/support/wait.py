"""Waiting for something to become true. Nothing else in the tests sleeps."""

from __future__ import annotations

import os
import time
from typing import Callable, TypeVar

T = TypeVar("T")

# Sanitizers and busy machines are slower; SIDECLAW_TEST_SLOW=3 gives every deadline three times the room.
SLOW = float(os.environ.get("SIDECLAW_TEST_SLOW", "1"))
POLL_S = 0.02


class Timeout(AssertionError):
    """A condition did not come true in time. An AssertionError, so that pytest shows it as a failure."""


def eventually(check: Callable[[], T], what: str, within: float = 10.0, poll: float = POLL_S) -> T:
    """Return the first truthy result of check(); an AssertionError or OSError in it means "not yet"."""
    end = time.monotonic() + within * SLOW
    while True:
        last: object = None
        try:
            result = check()
            if result:
                return result
            last = result
        except (AssertionError, OSError, KeyError, IndexError, ValueError) as e:
            if isinstance(e, Timeout):
                raise
            last = e
        if time.monotonic() >= end:
            raise Timeout(f"not within {within * SLOW:g} s: {what} (last seen: {last!r})")
        time.sleep(poll)


def holds_for(check: Callable[[], object], what: str, seconds: float) -> None:
    """The opposite: check() must stay truthy all that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check(), f"no longer true: {what}"
        time.sleep(POLL_S)
