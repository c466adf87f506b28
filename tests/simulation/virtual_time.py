"""An event loop whose clock jumps to whatever is due next: an hour of waiting takes no time."""

import asyncio
import selectors
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Stuck(BaseException):
    """Nothing is ready and nothing is due: what is awaited will never come."""


class _JumpingSelector(selectors.DefaultSelector):
    """Where a real selector would sleep, time passes at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise Stuck
            self.now += max(0.0, timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """One thread, one clock that starts at 0, the same order of events every time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def synchronous(call: Callable[P, T]) -> Callable[P, T]:
    """The call as if no loop were running: Django then gives it this thread's one connection."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return call(*args, **kwargs)
        finally:
            asyncio._set_running_loop(loop)

    return called
