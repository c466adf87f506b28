"""The table of a run for people, its figures for machines."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.chaos.invariants import Check
from workers.journey.layout import table


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosReport:
    """Everything that was counted. `answers` by kind of signal, `outcomes` by action, status and code."""

    seed: int
    minutes: float
    seconds: float
    answers: Mapping[str, Mapping[str, int]]
    outcomes: Mapping[str, int]
    kills: Mapping[str, int]
    freezes: Mapping[str, int]
    back_after_seconds: Mapping[str, Sequence[float]]
    faults: Mapping[str, int]
    forks: int
    price_moves: int
    leader_trades: int
    recoveries: Mapping[str, int]
    positions: Mapping[str, int]
    tracebacks: Mapping[str, int]
    """By process: errors that nobody had foreseen, as its output shows them."""
    checks: Sequence[Check]
    troubles: Sequence[str] = ()
    """What kept the run itself from being carried out as planned."""

    @property
    def is_good(self) -> bool:
        """Whether the run was complete and every invariant held."""
        return not self.troubles and all(check.holds for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        figures = {name: getattr(self, name) for name in self.__slots__ if name != "checks"}
        checks = [
            {"name": each.name, "count": each.count, "broken": list(each.broken)}
            for each in self.checks
        ]
        return {**figures, "checks": checks, "is_good": self.is_good}

    def as_lines(self) -> Iterable[str]:
        """The tables, the verdict last."""
        yield from table(("Signals", "Answer", "Times"), _cells(self.answers))
        yield ""
        yield from table(("Process", "Killed", "Frozen", "Back after (s)"), self._process_rows())
        yield ""
        yield from table(("Fault", "Struck"), _counted(self.faults))
        yield f"forks {self.forks}, price moves {self.price_moves}, leaders' trades {self.leader_trades}"
        yield ""
        yield from table(("Outcome of signals", "Times"), _counted(self.outcomes))
        yield _listed("recoveries seen", self.recoveries)
        yield _listed("positions", self.positions)
        yield _listed("tracebacks in the log", self.tracebacks)
        yield ""
        rows: list[tuple[str, ...]] = [
            (_mark(each), each.name, f"{each.count:,}") for each in self.checks
        ]
        yield from table(("", "Invariant", "Checked"), rows)
        yield from (f"BROKEN: {each.name}: {text}" for each in self.checks for text in each.broken)
        yield from (f"TROUBLE: {text}" for text in self.troubles)
        yield ""
        verdict = "everything holds" if self.is_good else "NOT GOOD"
        yield f"seed {self.seed}, {self.minutes:g} min planned, {self.seconds:.0f} s: {verdict}"

    def _process_rows(self) -> list[tuple[str, ...]]:
        names = sorted({*self.kills, *self.freezes})
        return [
            (
                name,
                str(self.kills.get(name, 0)),
                str(self.freezes.get(name, 0)),
                " ".join(f"{seconds:g}" for seconds in self.back_after_seconds.get(name, ())),
            )
            for name in names
        ]


def _cells(answers: Mapping[str, Mapping[str, int]]) -> list[tuple[str, ...]]:
    return [
        (kind, answer, str(count))
        for kind in sorted(answers)
        for answer, count in Counter(answers[kind]).most_common()
    ]


def _counted(counts: Mapping[str, int]) -> list[tuple[str, ...]]:
    return [(name, f"{count:,}") for name, count in sorted(counts.items())]


def _listed(title: str, counts: Mapping[str, int]) -> str:
    return f"{title}: " + (", ".join(f"{name} {count}" for name, count in counts.items()) or "none")


def _mark(check: Check) -> str:
    return "✓" if check.holds else "✗"
