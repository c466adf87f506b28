"""What each stage of a signal took in a phase, from the histograms that the platform exports."""

from collections.abc import Iterator
from dataclasses import dataclass

from trading.domain.distribution import Distribution
from trading.domain.values import Action
from trading.metrics import Stage
from trading.timings import Timings


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTook:
    """Milliseconds; percentiles as exact as the histogram's buckets, the mean exact."""

    action: str
    stage: str
    count: int
    mean: float
    p50: float
    p90: float
    p99: float


def stages_of(timings: Timings) -> list[StageTook]:
    """Buys, then sells: every stage that was reached, in its order, then the whole way and the waiting beside it."""
    return [took for action in Action for took in _lane(action, timings)]


def _lane(action: Action, timings: Timings) -> Iterator[StageTook]:
    found = [(stage.value, timings.stage(stage, action)) for stage in Stage]
    found += [("internal", timings.internal(action)), ("waiting", timings.waited(action))]
    for stage, distribution in found:
        if distribution.count:
            yield _took(action, stage, distribution)


def _took(action: Action, stage: str, distribution: Distribution) -> StageTook:
    return StageTook(
        action=action.value,
        stage=stage,
        count=distribution.count,
        mean=_milliseconds(distribution.mean),
        p50=_milliseconds(distribution.quantile(0.5)),
        p90=_milliseconds(distribution.quantile(0.9)),
        p99=_milliseconds(distribution.quantile(0.99)),
    )


def _milliseconds(seconds: float | None) -> float:
    return round(1_000 * (seconds or 0.0), 3)
