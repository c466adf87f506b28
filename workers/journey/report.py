"""The journey's report: the end of the table for people, the figures for machines."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trading.reconciliation.findings import Report
from workers.journey.coverage import Coverage, Failover, Part
from workers.journey.layout import MARKS, heading, indented, pad

NAME = 20
SHORT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyReport:
    """Everything that was counted. Latencies are internal ones in milliseconds, None without any.

    `must_cover`: whatever `coverage` misses is a violation too, and is among them.
    """

    signals: int
    accepted: int
    rejected: Mapping[str, int]
    not_traded: int
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
    coverage: Coverage
    must_cover: bool = True
    kills: Mapping[str, int] = field(default_factory=dict)
    books: Report | None = None

    @property
    def is_good(self) -> bool:
        """Whether every expectation held."""
        return not self.violated

    def as_json(self) -> dict[str, Any]:
        """The figures, what was shown, and where every lamport went."""
        names = [name for name in self.__slots__ if name not in ("coverage", "books")]
        figures = {name: getattr(self, name) for name in names}
        return figures | {
            "violated": list(self.violated),
            "books": None if self.books is None else asdict(self.books.totals),
            **self.coverage.as_json(),
        }

    def as_lines(self) -> Iterable[str]:
        """What was shown, the figures, the books, and every expectation that did not hold."""
        demanded = "" if self.must_cover else "not demanded while processes are killed"
        yield heading("What was shown", note=demanded)
        yield from self._shown()
        yield heading("What came of it")
        yield from self._figures()
        if self.books is not None:
            yield heading("The books against the chain")
            yield from (f"   {line}" for line in self.books.as_lines())
        yield heading("Verdict", note=f"{self.seconds:.0f} s")
        yield f" {MARKS[self.is_good]} {self.held} expectations held, {len(self.violated)} violated"
        yield from (f" ✗ VIOLATED: {text}" for text in self.violated)

    def _shown(self) -> Iterable[str]:
        for part in self.coverage.parts:
            yield from self._part(part)
        failover = self.coverage.failover
        if failover is not None or self.must_cover:
            mark = MARKS[failover is not None and failover.is_whole]
            yield f" {mark} {pad('failover', NAME)} {_failover(failover)}"

    def _part(self, part: Part) -> Iterable[str]:
        shown = len(part.wanted) - len(part.missing)
        mark = MARKS[not part.missing] if self.must_cover else " "
        yield f" {mark} {pad(part.title, NAME)} {shown} of {len(part.wanted)}{_few(part)}"
        if self.must_cover and part.missing:
            missing = " ".join(part.missing)
            yield from indented(f"missing: {missing}", by=NAME + 4)

    def _figures(self) -> Iterable[str]:
        refused = self.signals - self.accepted
        yield (
            f"   {pad('signals', NAME)} {self.signals} sent, {self.accepted} accepted, "
            f"{refused} refused at the door, {self.duplicates_blocked} of them as duplicates"
        )
        yield (
            f"   {pad('accepted', NAME)} {self.not_traded} not traded, each for a stored reason; "
            f"{self.failed} failed"
        )
        yield f"   {pad('positions', NAME)} {self.opened} opened, {self.closed} closed"
        latency = f"p50 {_ms(self.p50_ms)}, p99 {_ms(self.p99_ms)}"
        yield f"   {pad('internal latency', NAME)} {latency}"
        if self.kills:
            killed = ", ".join(f"{name} {count}×" for name, count in self.kills.items())
            yield f"   {pad('killed', NAME)} {killed}"


def _few(part: Part) -> str:
    """Of a short list, how often each was seen."""
    if len(part.wanted) > SHORT:
        return ""
    return "".join(f"   {name} {shown.count}×" for name, shown in part.seen.items())


def _failover(failover: Failover | None) -> str:
    if failover is None or failover.over_after_seconds is None:
        return "never"
    calls = f"{failover.calls_to_second} calls to the second RPC"
    over = f"over after {failover.over_after_seconds:g} s, {calls}"
    back = failover.back_after_seconds
    return f"{over}, back after {back:g} s" if back is not None else f"{over}, never back"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} ms"
