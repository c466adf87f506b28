"""The journey's report: the table for people, the figures for machines."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trading.reconciliation.findings import Report
from workers.journey.journal import Line

HEADERS = ("Signal", "Answer", "End", "Took")


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyReport:
    """Everything that was counted. Latencies are internal ones in milliseconds, None without any."""

    signals: int
    accepted: int
    rejected: Mapping[str, int]
    opened: int
    closed: int
    failed: int
    duplicates_blocked: int
    books_equal_chain: bool
    p50_ms: float | None
    p99_ms: float | None
    seconds: float
    held: int
    violated: tuple[str, ...]
    kills: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    books: Report | None = None

    @property
    def is_good(self) -> bool:
        """Whether every expectation held."""
        return not self.violated

    def as_json(self) -> dict[str, Any]:
        """The figures; lines and books go with the table."""
        names = [name for name in self.__slots__ if name not in ("lines", "books")]
        figures = {name: getattr(self, name) for name in names}
        return figures | {
            "violated": list(self.violated),
            "books": None if self.books is None else asdict(self.books.totals),
        }

    def as_lines(self) -> Iterable[str]:
        """The table, the figures, and every expectation that did not hold."""
        rows = [_row(number, line) for number, line in enumerate(self.lines, start=1)]
        yield from table(("#", *HEADERS, ""), rows)
        yield ""
        yield (
            f"{self.signals} signals: {self.accepted} accepted, {sum(self.rejected.values())} refused"
            f" or not traded, {self.duplicates_blocked} duplicates blocked"
        )
        yield ", ".join(f"{code} {count}" for code, count in self.rejected.items())
        yield f"positions: {self.opened} opened, {self.closed} closed; {self.failed} signals failed"
        if self.kills:
            yield "killed: " + ", ".join(f"{name} {n}×" for name, n in self.kills.items())
        if self.books is not None:
            yield from self.books.as_lines()
        yield f"internal latency: p50 {_ms(self.p50_ms)}, p99 {_ms(self.p99_ms)}"
        yield f"{self.held} expectations held, {len(self.violated)} violated, {self.seconds:g} s"
        yield from (f"VIOLATED: {text}" for text in self.violated)


def table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterable[str]:
    """Columns as wide as their widest cell."""
    widths = [max(_width(row[index]) for row in [headers, *rows]) for index in range(len(headers))]
    for row in [headers, tuple("─" * width for width in widths), *rows]:
        cells = (cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(number: int, line: Line) -> tuple[str, ...]:
    took = "" if line.milliseconds is None else f"{line.milliseconds:,.0f} ms"
    mark = "✓" if line.is_as_expected else "✗"
    return (str(number), line.title, line.answer, line.end or "—", took, mark)


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} ms"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
