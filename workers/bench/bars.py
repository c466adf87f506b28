"""The bars of specification §21, each beside the figure that a run measured for it; nothing here asks anybody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workers.bench.figures import Phase

INTERNAL_RATE, INTERNAL_P99_MS = 100.0, 5.0
FULL_RATE, FULL_SECONDS = 1_000.0, 60.0
BURST_PER_SECOND = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What was measured against what is asked for, in words."""

    measured: str
    bar: str
    is_met: bool

    def __str__(self) -> str:
        return f"{self.measured}, bar {self.bar}: {'met' if self.is_met else 'missed'}"


def bars(phases: Sequence[Phase]) -> Iterator[Bar]:
    """The bars that these phases say something about: a shorter or slower run says nothing of the full rate's."""
    for phase in phases:
        if phase.offered_per_second == INTERNAL_RATE and phase.internal:
            p99 = phase.internal.p99
            yield Bar(
                measured=f"internal p99 at {phase.name}: {p99:.1f} ms",
                bar=f"below {INTERNAL_P99_MS:g} ms",
                is_met=p99 < INTERNAL_P99_MS,
            )
        is_long = phase.sent >= FULL_SECONDS * phase.offered_per_second
        if phase.offered_per_second >= FULL_RATE and is_long:
            yield Bar(
                measured=f"{phase.name} for {FULL_SECONDS:g} s: {outcome(phase)}",
                bar="nothing lost or left without an answer",
                is_met=phase.lost == 0 and phase.unanswered == 0,
            )
        if phase.name == "burst":
            yield Bar(
                measured=f"burst: {phase.accepted_per_second:,.0f} accepted a second",
                bar=f"{BURST_PER_SECOND:,}",
                is_met=phase.accepted_per_second >= BURST_PER_SECOND,
            )


def outcome(phase: Phase) -> str:
    """What became of all that was sent, in words."""
    told_apart = phase.accepted + phase.sent_back + phase.unanswered
    return (
        f"{phase.accepted:,} accepted, {phase.sent_back:,} told to come again (503, Retry-After),"
        f" {phase.sent - told_apart:,} refused, {phase.unanswered:,} without an answer, {phase.lost:,} lost"
    )
