"""The NAV curve as numbers for an inline SVG: points, axis labels, hover titles. No drawing library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.db.models import F, Max, Min
from django.db.models.functions import Mod

from trading.models import EquityPoint

WIDTH, HEIGHT = 560, 176
LEFT, RIGHT, TOP, BOTTOM = 54, 56, 22, 20
WINDOW = timedelta(hours=24)
MOST_POINTS = 96
GRID_LINES = 4
TIME_LABELS = 4

YScale = Callable[[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One point of the curve in SVG units, with the strip that shows its title on hover."""

    x: float
    y: float
    strip_x: float
    strip_width: float
    at: datetime
    nav_lamports: int
    change_lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLine:
    """A horizontal line: NAV on the left axis, the change since the window's start on the right."""

    y: float
    nav_lamports: int
    change_lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLabel:
    x: float
    anchor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Everything the template draws. Empty `spots`: fewer than two points are stored."""

    spots: tuple[Spot, ...] = ()
    grid: tuple[GridLine, ...] = ()
    times: tuple[TimeLabel, ...] = ()
    line: str = ""
    area: str = ""
    base_y: float = 0
    change_lamports: int = 0
    change_ratio: Decimal = Decimal(0)
    span: timedelta = timedelta(0)
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def nav_curve(*, now: datetime) -> Curve:
    """NAV over the last 24 hours, or since the first point, thinned to what the eye can tell apart."""
    return draw([(point.at, nav_lamports(point)) for point in _sample(since=now - WINDOW)])


def nav_lamports(point: EquityPoint) -> int:
    """Balance and positions together."""
    return point.balance_lamports + point.positions_lamports


def _sample(*, since: datetime) -> list[EquityPoint]:
    """Every n-th point by id and always the newest, so that long windows cost no more than short ones."""
    window = EquityPoint.objects.filter(at__gte=since)
    edges = window.aggregate(first=Min("id"), last=Max("id"))
    if edges["last"] is None:
        return []
    step = max(1, (edges["last"] - edges["first"]) // MOST_POINTS)
    thinned = window.annotate(offset=Mod(edges["last"] - F("id"), step)).filter(offset=0)
    return list(thinned.order_by("at"))


def draw(points: Sequence[tuple[datetime, int]]) -> Curve:
    """Geometry of (moment, NAV in lamports) in rising order of time."""
    if len(points) < 2:
        return Curve()
    lowest, highest = _bounds([nav for _, nav in points])
    base = points[0][1]

    def y_of(nav: int) -> float:
        share = (nav - lowest) / (highest - lowest)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    spots = _spots(points, y_of=y_of)
    line = " ".join(f"{spot.x},{spot.y}" for spot in spots)
    floor = HEIGHT - BOTTOM
    change = points[-1][1] - base
    return Curve(
        spots=spots,
        grid=_grid(lowest, highest, base, y_of),
        times=time_labels(start=points[0][0], span=points[-1][0] - points[0][0]),
        line=line,
        area=f"{spots[0].x},{floor} {line} {spots[-1].x},{floor}",
        base_y=y_of(base),
        change_lamports=change,
        change_ratio=Decimal(change) / base if base else Decimal(0),
        span=points[-1][0] - points[0][0],
    )


def _bounds(values: list[int]) -> tuple[int, int]:
    """The lowest and highest value with a little air; a flat line gets a band of its own."""
    lowest, highest = min(values), max(values)
    air = max((highest - lowest) // 10, highest // 10_000, 1)
    return lowest - air, highest + air


def x_of(share: float) -> float:
    """Where a share of the way from the left edge to the right one lies."""
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _spots(points: Sequence[tuple[datetime, int]], *, y_of: YScale) -> tuple[Spot, ...]:
    start, base = points[0]
    span = (points[-1][0] - start).total_seconds() or 1
    xs = [x_of((at - start).total_seconds() / span) for at, _ in points]
    edges = [xs[0], *((a + b) / 2 for a, b in pairwise(xs)), xs[-1]]
    return tuple(
        Spot(
            x=x,
            y=y_of(nav),
            strip_x=round(edges[index], 1),
            strip_width=round(edges[index + 1] - edges[index], 1),
            at=at,
            nav_lamports=nav,
            change_lamports=nav - base,
        )
        for index, (x, (at, nav)) in enumerate(zip(xs, points, strict=True))
    )


def _grid(lowest: int, highest: int, base: int, y_of: YScale) -> tuple[GridLine, ...]:
    levels = [lowest + (highest - lowest) * step // GRID_LINES for step in range(GRID_LINES + 1)]
    return tuple(
        GridLine(y=y_of(level), nav_lamports=level, change_lamports=level - base)
        for level in levels
    )


def time_labels(*, start: datetime, span: timedelta) -> tuple[TimeLabel, ...]:
    """Labels spread evenly over the axis, its ends included."""
    anchors = ("start", *["middle"] * (TIME_LABELS - 2), "end")
    shares = [index / (TIME_LABELS - 1) for index in range(TIME_LABELS)]
    return tuple(
        TimeLabel(x=x_of(share), anchor=anchor, at=start + span * share)
        for share, anchor in zip(shares, anchors, strict=True)
    )
