"""The Latency page's figures and pictures: how long signals take, stage by stage, against the bar."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from trading import timings
from trading.benchmark import last_bench
from trading.columns import Column, Frame, columns
from trading.domain.distribution import Distribution
from trading.domain.values import Action
from trading.metrics import Stage
from trading.timings import Timings, history

BAR_SECONDS = 0.005
MEANING: Mapping[Stage, str] = {
    Stage.COMMITTED: "received until durable and answered",
    Stage.CLAIMED: "received until an executor has it, storing included",
    Stage.FACTS: "our own part of gathering facts and quote",
    Stage.SIGNED: "building and signing",
    Stage.DECIDED: "its turn at the database, deciding, and storing the decision",
    Stage.RECORDED: "the submission committed",
    Stage.SENT: "until its first byte leaves",
}
OF_BUYS = tuple(Stage)
OF_SELLS = tuple(stage for stage in Stage if stage is not Stage.DECIDED)
FRAME = Frame(width=560, height=150, left=14, top=18, bottom=22)
LEAST_COLUMNS_UP_TO = 0.02
LABELLED = frozenset({0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 10})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A distribution in seconds, as far as a table tells it."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None
    ceiling: float | None

    @classmethod
    def of(cls, distribution: Distribution) -> "Figures":
        return cls(
            count=distribution.count,
            p50=distribution.quantile(0.5),
            p90=distribution.quantile(0.9),
            p99=distribution.quantile(0.99),
            ceiling=distribution.ceiling,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: the last minute beside everything since the start."""

    name: str
    meaning: str
    minute: Figures
    whole: Figures
    kind: str = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of the stacked bar: what a stage takes on average."""

    name: str
    seconds: float
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many signals took how long; `bar_x` is where the bar stands."""

    columns: tuple[Column, ...]
    bar_x: float
    total: int
    frame: Frame = FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Everything about the signals of one action. Nothing is drawn before the first was sent."""

    action: Action
    is_recent: bool
    has_sent: bool
    arrived: int
    internal: Figures
    waited: Figures
    rows: tuple[Row, ...]
    segments: tuple[Segment, ...]
    histogram: Histogram
    within_bar: float | None

    @property
    def is_met(self) -> bool:
        """Whether the bar holds, by the exact share of signals within it."""
        return self.within_bar is not None and self.within_bar >= 0.99


def latency(now: datetime) -> dict[str, Any]:
    """The page's context."""
    whole = timings.read()
    window, minute = history.window(whole, now=now)
    return {
        "lanes": lanes(minute, whole),
        "window": window,
        "bar_seconds": BAR_SECONDS,
        "bench": last_bench(settings.BASE_DIR / "var" / "bench.json"),
    }


def lanes(minute: Timings, whole: Timings) -> list[Lane]:
    """Buys and sells, each by itself: the last minute beside everything since the start."""
    return [_lane(action, minute, whole) for action in Action]


def tail() -> float | None:
    """What 99 of 100 signals took of our own time at most, lately; None when none was sent."""
    recent = history.latest()
    if recent is None:
        return None
    return (recent.internal(Action.BUY) + recent.internal(Action.SELL)).quantile(0.99)


def _lane(action: Action, minute: Timings, whole: Timings) -> Lane:
    """The pictures show the last minute where it has anything to show."""
    is_recent = minute.internal(action).count > 0
    shown = minute if is_recent else whole
    internal = shown.internal(action)
    stages = OF_BUYS if action is Action.BUY else OF_SELLS
    return Lane(
        action=action,
        is_recent=is_recent,
        has_sent=whole.internal(action).count > 0,
        arrived=max(whole.stage(each, action).count for each in (Stage.COMMITTED, Stage.CLAIMED)),
        internal=Figures.of(internal),
        waited=Figures.of(shown.waited(action)),
        rows=_rows(stages, action, minute, whole),
        segments=segments([(stage.value, _mean(shown, stage, action)) for stage in stages]),
        histogram=histogram(internal),
        within_bar=internal.share_within(BAR_SECONDS),
    )


def _rows(
    stages: Sequence[Stage], action: Action, minute: Timings, whole: Timings
) -> tuple[Row, ...]:
    return (
        *(
            _row(
                stage.value,
                MEANING[stage],
                minute.stage(stage, action),
                whole.stage(stage, action),
            )
            for stage in stages
        ),
        _row(
            "internal",
            "received to first byte, less waiting",
            minute.internal(action),
            whole.internal(action),
            kind="sum",
        ),
        _row(
            "waiting",
            "for other machines, beside it",
            minute.waited(action),
            whole.waited(action),
            kind="beside",
        ),
    )


def _row(
    name: str, meaning: str, minute: Distribution, whole: Distribution, *, kind: str = "stage"
) -> Row:
    return Row(
        name=name, meaning=meaning, minute=Figures.of(minute), whole=Figures.of(whole), kind=kind
    )


def _mean(shown: Timings, stage: Stage, action: Action) -> float:
    """What a stage adds on average: from claimed, measured since received, storing is taken off.

    Many are stored and end where they are claimed, so never count as claimed; others are stored by no door.
    """
    mean = shown.stage(stage, action).mean or 0.0
    if stage is not Stage.CLAIMED:
        return mean
    stored = shown.stage(Stage.COMMITTED, action)
    of = max(stored.count, shown.stage(stage, action).count)
    return max(0.0, mean - stored.total / of) if of else 0.0


def segments(parts: Sequence[tuple[str, float]]) -> tuple[Segment, ...]:
    """Widths in percent of the whole bar; stages that took nothing have none."""
    whole = sum(seconds for _, seconds in parts)
    found, x = [], 0.0
    for name, seconds in parts:
        if seconds <= 0:
            continue
        width = 100 * seconds / whole
        found.append(Segment(name=name, seconds=seconds, x=round(x, 2), width=round(width, 2)))
        x += width
    return tuple(found)


def histogram(distribution: Distribution) -> Histogram:
    """Empty columns above the last are left out."""
    bounds = (*distribution.bounds, math.inf)
    upper = max(distribution.ceiling or 0.0, LEAST_COLUMNS_UP_TO)
    shown = [
        (bound, count)
        for bound, count in zip(bounds, distribution.counts, strict=True)
        if bound <= upper
    ]
    within = sum(bound <= BAR_SECONDS for bound, _ in shown)
    return Histogram(
        columns=columns(shown, frame=FRAME, limit=BAR_SECONDS, label=_label),
        bar_x=round(FRAME.left + within * FRAME.step(len(shown)), 1),
        total=distribution.count,
    )


def _label(bound: float) -> str:
    return f"{bound * 1000:g}" if bound in LABELLED else ""
