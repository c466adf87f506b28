"""Small pictures of scores and backtests as numbers for inline SVG. No drawing library, no rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scout.models import WalletScore

SPARK_WIDTH, SPARK_HEIGHT = 96, 22
WIDTH, HEIGHT, FALL_HEIGHT, LEFT = 720, 200, 60, 4
WHISKER_WIDTH = 110
WIDEST_RETURN = 0.15
DEVIATIONS = 1.64
MOST_POINTS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisker:
    """The expected return of a copy with its 90 % range on an axis around nothing; x in SVG units."""

    zero: float
    low: float
    high: float
    middle: float
    width: int = WHISKER_WIDTH


def whisker(score: WalletScore) -> Whisker | None:
    """None without an expectation; without an error the range is the point itself."""
    if score.copy_return is None:
        return None
    reach = DEVIATIONS * (score.copy_return_error or 0.0)
    return Whisker(
        zero=_along(0.0),
        low=_along(score.copy_return - reach),
        high=_along(score.copy_return + reach),
        middle=_along(score.copy_return),
    )


def _along(ratio: float) -> float:
    """A ratio's place: nothing in the middle, the ends squeezed, so that every return has one."""
    squeezed = math.tanh(ratio / WIDEST_RETURN)
    return round(WHISKER_WIDTH / 2 * (1 + 0.94 * squeezed), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A line over time in SVG units, the line of nothing, and where it ends."""

    line: str
    base_y: float
    end_lamports: int
    width: int
    height: int


def sparkline(backtest: dict[str, Any]) -> Picture | None:
    """The equity of a backtest, small; None where it has no curve."""
    points = _points(backtest)
    return _drawn(points, width=SPARK_WIDTH, height=SPARK_HEIGHT) if points else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """A backtest's equity and how deep it was below its best, one above the other."""

    curve: Picture
    falls: Picture
    first: datetime
    last: datetime
    highest_lamports: int
    lowest_lamports: int


def equity(backtest: dict[str, Any]) -> Equity | None:
    """None where there are no two points to draw."""
    points = _points(backtest)
    if len(points) < 2:
        return None
    values = [0, *(value for _, value in points)]
    return Equity(
        curve=_drawn(points, width=WIDTH, height=HEIGHT),
        falls=_drawn(_falls(points), width=WIDTH, height=FALL_HEIGHT),
        first=datetime.fromtimestamp(points[0][0], UTC),
        last=datetime.fromtimestamp(points[-1][0], UTC),
        highest_lamports=max(values),
        lowest_lamports=min(values),
    )


def _points(backtest: dict[str, Any]) -> list[tuple[int, int]]:
    """(unix seconds, lamports), thinned to what the eye can tell apart, the last one always among them."""
    curve = backtest.get("curve") or []
    found = [(int(point["at"]), int(point["pnl_lamports"])) for point in curve]
    step = max(1, math.ceil(len(found) / MOST_POINTS))
    return found[::-1][::step][::-1]


def _falls(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """How far below the best so far, nothing being the start."""
    best, falls = 0, []
    for at, value in points:
        best = max(best, value)
        falls.append((at, value - best))
    return falls


def _drawn(points: Sequence[tuple[int, int]], *, width: int, height: int) -> Picture:
    values = [0, *(value for _, value in points)]
    low, high = min(values), max(values)
    first, span = points[0][0], max(1, points[-1][0] - points[0][0])

    def x_of(at: int) -> float:
        return round(LEFT / 2 + (width - LEFT) * (at - first) / span, 1)

    def y_of(value: int) -> float:
        return round(height - 2 - (height - 4) * (value - low) / max(1, high - low), 1)

    return Picture(
        line=" ".join(f"{x_of(at)},{y_of(value)}" for at, value in points),
        base_y=y_of(0),
        end_lamports=points[-1][1],
        width=width,
        height=height,
    )
