"""How long a piece of work waits for other machines: the time in which at least one question of its own is out.

What is computed before a question leaves, after its answer has come, and between two of them is ours.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopwatch:
    """Runs while at least one question is out; questions side by side count once."""

    def __init__(self) -> None:
        self._done_nanoseconds = 0
        self._out = 0
        self._began_nanoseconds = 0

    @property
    def waited_microseconds(self) -> int:
        """Up to this moment."""
        running = time.perf_counter_ns() - self._began_nanoseconds if self._out else 0
        return (self._done_nanoseconds + running) // 1_000

    def begin(self) -> None:
        """A question goes out."""
        if not self._out:
            self._began_nanoseconds = time.perf_counter_ns()
        self._out += 1

    def end(self) -> None:
        """Its answer is here, or is not waited for any longer."""
        self._out -= 1
        if not self._out:
            self._done_nanoseconds += time.perf_counter_ns() - self._began_nanoseconds


timed_by: ContextVar[Stopwatch | None] = ContextVar("timed_by", default=None)
"""The stopwatch of the present task and of those it starts."""


@contextmanager
def waiting() -> Iterator[None]:
    """A question is out for as long as this lasts."""
    watch = timed_by.get()
    if watch is None:
        yield
        return
    watch.begin()
    try:
        yield
    finally:
        watch.end()
