"""When the next request may go: limits per minute, pauses a service asks for, growing waits after faults.

Knows no request and sends nothing. Waits end early when the work is to stop.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
JITTER = 0.25
"""Share by which a told wait is lengthened at random, so that not everybody comes back at once."""


class Halted(Exception):
    """The work is to stop; another thread or a signal says why."""


class Clock:
    """The time, and waiting for it to pass. A test gives its own."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait(self, seconds: float, halt: threading.Event) -> bool:
        """Whether the wait was ended early, because the work is to stop."""
        return halt.wait(seconds)


class Bucket:
    """So much a minute, evenly; after a pause at most `burst_s` seconds' worth comes at once."""

    def __init__(self, per_minute: float, now: Callable[[], float], burst_s: float = 1.0) -> None:
        self.per_second = per_minute / 60
        self.now = now
        self.burst_s = burst_s
        self._lock = threading.Lock()
        self._paid_until = now() - burst_s

    def take(self, amount: float) -> float:
        """Seconds until the amount, which is taken now, may be used."""
        with self._lock:
            now = self.now()
            begins = max(self._paid_until, now - self.burst_s)
            self._paid_until = begins + amount / self.per_second
            return max(0.0, begins - now)


class Gate:
    """Closed to everybody until a time that the service named."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._opens = now()

    def close_for(self, seconds: float) -> None:
        self._opens = max(self._opens, self.now() + seconds)

    def seconds_left(self) -> float:
        return max(0.0, self._opens - self.now())


def told_wait(headers: Mapping[str, str], wall: float) -> float | None:
    """The pause that an answer asks for: `Retry-After` in seconds or as a date, or `retry-after-ms`."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    told = headers.get("retry-after")
    seconds = _number(told)
    if seconds is not None or told is None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - wall)
    except (ValueError, TypeError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def wait_before(attempt: int, told: float | None, draw: Callable[[], float] = random.random) -> float:
    """Seconds before another try: as told and a little more, else doubling, half of it drawn by lot."""
    if told is not None:
        return told * (1 + JITTER * draw()) + 0.05 * draw()
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt, 30))
    return longest * (0.5 + 0.5 * draw())
