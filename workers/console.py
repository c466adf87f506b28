"""The one log on the terminal: prefixed lines, colours when a person looks, the box at the end of a start."""

import contextlib
import unicodedata
from collections.abc import Sequence
from typing import TextIO

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
BRIGHT = 1
PREFIX_WIDTH = 10


class Console:
    """Writes to `stream`. A reader that went away is not an error: the platform goes on in silence."""

    def __init__(self, stream: TextIO, *, is_coloured: bool) -> None:
        self._stream = stream
        self._is_coloured = is_coloured
        self._colour_of: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        """One line of the process `name`, each name in a colour of its own."""
        colour = self._colour_of.setdefault(name, COLOURS[len(self._colour_of) % len(COLOURS)])
        self._write(f"{self._painted(name.ljust(PREFIX_WIDTH), colour)} │ {text}")

    def box(self, lines: Sequence[str]) -> None:
        """A frame around `lines`; an empty line is a gap."""
        width = max(_columns(line) for line in lines)
        self._write("╭" + "─" * (width + 4) + "╮")
        for number, line in enumerate(lines):
            padded = line + " " * (width - _columns(line))
            self._write(f"│  {self._painted(padded, BRIGHT) if number == 0 else padded}  │")
        self._write("╰" + "─" * (width + 4) + "╯")

    def _painted(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_coloured else text

    def _write(self, text: str) -> None:
        # OSError is the vanished reader, ValueError the stream closed after it.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()


def _columns(text: str) -> int:
    """Terminal columns that `text` takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
