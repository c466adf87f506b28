"""Figures of a run as values: percentiles, what became of what was accepted; nothing here asks anybody."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from workers.bench.stages import StageTook

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles of many durations, in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    maximum: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Spread | None":
        """None where nothing was measured. Nearest rank: every figure was really seen."""
        ordered = sorted(milliseconds)
        if not ordered:
            return None
        ranks = {name: ordered[_rank(len(ordered), q)] for name, q in PERCENTILES.items()}
        return cls(count=len(ordered), maximum=ordered[-1], **ranks)


def _rank(count: int, share: float) -> int:
    return max(1, math.ceil(round(share * count, 6))) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One kind of load and what came of it. `lost` are accepted signals without an end."""

    name: str
    offered_per_second: float
    sent: int
    took_seconds: float
    statuses: Mapping[int, int]
    answer: Spread | None
    internal: Spread | None
    waited: Spread | None
    ends: Mapping[str, int]
    lost: int
    cpu_milliseconds: Mapping[str, float] = field(default_factory=dict)
    """Processor time a signal sent, by process: what is left of a figure on a busy machine. `load` is the
    sender's own: when it nears the time between two signals, the sender is what was measured."""

    stages: Sequence[StageTook] = ()

    @property
    def accepted(self) -> int:
        return self.statuses.get(202, 0)

    @property
    def sent_back(self) -> int:
        """Shed, or not stored: all 503, which name a time to send the same again."""
        return self.statuses.get(503, 0)

    @property
    def unanswered(self) -> int:
        return self.statuses.get(0, 0)

    @property
    def accepted_per_second(self) -> float:
        return self.accepted / self.took_seconds

    def as_json(self) -> dict[str, Any]:
        """The phase as plain values."""
        return asdict(self) | {"accepted_per_second": round(self.accepted_per_second, 1)}


def count_statuses(statuses: Sequence[int]) -> dict[int, int]:
    """How often each HTTP status came; 0 is no answer at all."""
    return dict(sorted(Counter(statuses).items()))
