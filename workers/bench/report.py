"""The figures of a benchmark, for people and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workers.bench.bars import bars, outcome
from workers.bench.figures import PERCENTILES, Phase, Spread
from workers.bench.stages import StageTook

COLUMNS = (*PERCENTILES, "maximum")
STAGE_COLUMNS = ("mean", "p50", "p90", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """What was measured. `floor` is an empty application's answer time in the same run."""

    phases: Sequence[Phase]
    floor: Spread | None
    machine: dict[str, Any]

    @property
    def lost(self) -> int:
        """Accepted signals that have no end."""
        return sum(phase.lost for phase in self.phases)

    def as_json(self) -> dict[str, Any]:
        """The file var/bench.json."""
        burst = next((each for each in self.phases if each.name == "burst"), None)
        return {
            "internal_latency_ms": {
                phase.name: asdict(phase.internal) for phase in self.phases if phase.internal
            },
            "accepted_per_s": round(burst.accepted_per_second, 1) if burst else None,
            "lost": self.lost,
            "bars": [asdict(each) for each in bars(self.phases)],
            "floor": asdict(self.floor) if self.floor else None,
            "machine": self.machine,
            "phases": [phase.as_json() for phase in self.phases],
        }

    def as_lines(self) -> Iterator[str]:
        """A table for people."""
        yield f"{'milliseconds':<34}{'count':>8}" + "".join(f"{each:>10}" for each in COLUMNS)
        yield from _line("floor: empty application, 100/s", self.floor)
        for phase in self.phases:
            yield ""
            yield _summary(phase)
            yield f"  {outcome(phase)}"
            yield from _line("  webhook answered", phase.answer)
            yield from _line("  internal: received to first byte", phase.internal)
            yield from _line("  waiting for other machines", phase.waited)
            cpu = ", ".join(f"{each} {ms:.2f}" for each, ms in phase.cpu_milliseconds.items())
            yield f"  processor time a signal, ms: {cpu}"
            yield from _stages(phase.stages)
            for end, count in phase.ends.items():
                yield f"  {end:<40}{count:>8}"
        yield ""
        yield from (str(each) for each in bars(self.phases))
        yield f"lost: {self.lost}    " + "  ".join(f"{k} {v}" for k, v in self.machine.items())


def _summary(phase: Phase) -> str:
    answers = ", ".join(f"{count} × {status}" for status, count in phase.statuses.items())
    return (
        f"{phase.name}: {phase.sent} sent in {phase.took_seconds:.1f} s,"
        f" {phase.accepted_per_second:.0f}/s accepted ({answers})"
    )


def _stages(stages: Sequence[StageTook]) -> Iterator[str]:
    """Claimed counts from received, as committed does; every other stage from the one before."""
    if not stages:
        return
    yield f"  {'stage':<32}{'count':>8}" + "".join(f"{each:>10}" for each in STAGE_COLUMNS)
    for each in stages:
        figures = "".join(f"{getattr(each, column):>10.2f}" for column in STAGE_COLUMNS)
        yield f"  {each.action.lower() + ' ' + each.stage:<32}{each.count:>8}{figures}"


def _line(title: str, spread: Spread | None) -> Iterator[str]:
    if spread is None:
        yield f"{title:<34}{'none':>8}"
        return
    figures = "".join(f"{getattr(spread, each):>10.2f}" for each in COLUMNS)
    yield f"{title:<34}{spread.count:>8}{figures}"
