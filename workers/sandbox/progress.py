"""A progress bar on a stream: a moving line on a terminal, a line per tenth anywhere else."""

import time
from types import TracebackType
from typing import TextIO

_WIDTH = 30
_TERMINAL_SECONDS = 0.2


class ProgressBar:
    """Use as a context manager; `show` takes 0..1 as often as it likes."""

    def __init__(self, title: str, *, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._start = self._last = time.monotonic()
        self._tenths = -1

    def __enter__(self) -> "ProgressBar":
        self.show(0.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_terminal:
            self._stream.write("\n")

    def show(self, part: float) -> None:
        """Draw when there is something new to see."""
        now = time.monotonic()
        tenths = int(part * 10)
        is_due = now - self._last > _TERMINAL_SECONDS if self._is_terminal else False
        if not is_due and tenths == self._tenths:
            return
        self._tenths, self._last = tenths, now
        filled = int(part * _WIDTH)
        bar = "#" * filled + "." * (_WIDTH - filled)
        line = f"{self._title} [{bar}] {part:4.0%} {now - self._start:.0f} s"
        self._stream.write(f"\r{line}" if self._is_terminal else f"{line}\n")
        self._stream.flush()
