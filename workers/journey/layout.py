"""How the journey looks on a terminal: rows and headings, at most a hundred columns wide."""

import textwrap
import unicodedata
from collections.abc import Iterable

COLUMNS = 99
TITLE, ANSWER, END = 34, 29, 22
# From here on milliseconds say more than anybody wants to know.
LONG_MILLISECONDS = 10_000
MARKS = {True: "✓", False: "✗"}


def header() -> str:
    """What the columns of every row are."""
    cells = (pad("sent", TITLE), pad("answer at the door", ANSWER), pad("what came of it", END))
    return f"\n   {' '.join(cells)} {'took':>8}"


def heading(title: str, *, note: str = "") -> str:
    """A line that divides, after an empty one."""
    begin, end = f"\n── {title} ", f" {note}" if note else ""
    return begin + "─" * (COLUMNS - width(begin) - width(end)) + end


def row(
    title: str, answer: str, end: str, *, milliseconds: float | None, is_as_expected: bool
) -> str:
    """One signal: what was sent, the door's answer, what became of it, and how long that took."""
    cells = (pad(title, TITLE), pad(answer, ANSWER), pad(end, END), f"{_took(milliseconds):>8}")
    return f" {MARKS[is_as_expected]} {' '.join(cells)}".rstrip()


def table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterable[str]:
    """Columns as wide as their widest cell."""
    widths = [max(width(row[index]) for row in [headers, *rows]) for index in range(len(headers))]
    for cells in [headers, tuple("─" * columns for columns in widths), *rows]:
        padded = (pad(cell, columns) for cell, columns in zip(cells, widths, strict=True))
        yield "  ".join(padded).rstrip()


def indented(text: str, *, by: int) -> Iterable[str]:
    """The text in lines that leave so many columns free at their beginning."""
    blank = " " * by
    return textwrap.wrap(text, COLUMNS, initial_indent=blank, subsequent_indent=blank)


def pad(text: str, columns: int) -> str:
    """Filled up with spaces; what is too long stays as it is."""
    return text + " " * (columns - width(text))


def width(text: str) -> int:
    """Columns on a terminal: Chinese and Japanese letters take two, a line break none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - text.count("\n")


def _took(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds >= LONG_MILLISECONDS:
        return f"{milliseconds / 1_000:.1f} s"
    return f"{milliseconds:,.0f} ms"
