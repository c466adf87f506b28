"""A log that says the same thing once in a while, however often it happens."""

import logging
import time
from collections.abc import Callable

SECONDS = 10.0


class Seldom(logging.Filter):
    """Lets a message through once in so many seconds; the next one then tells how many were kept back.

    A full disk refuses every request: a line for each would be another thousand lines a second that it cannot
    take. Messages are the same that have the same words before their values are filled in, and the same error.
    """

    def __init__(self, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._told: dict[tuple[object, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        kind, now = (record.msg, record.exc_info and record.exc_info[0]), self._clock()
        told_at, kept_back = self._told.get(kind, (now - self._seconds, 0))
        if now - told_at < self._seconds:
            self._told[kind] = (told_at, kept_back + 1)
            return False
        self._told[kind] = (now, 0)
        if kept_back:
            record.msg = f"{record.msg} (and {kept_back:,} times before)"
        return True
