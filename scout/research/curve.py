"""The equity curve of a replay: what was realised, close by close, as numbers, as text and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT, MARGIN = 720, 240, 28
PROFIT, LOSS, PAPER, INK = "#00FF88", "#FF4444", "#1A1A1A", "#E0E0E0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What all copies that had ended by then made together; positions still open count at the very end."""

    at: int
    pnl_lamports: int


def curve_of(closes: Sequence[tuple[int, int]]) -> tuple[Point, ...]:
    """Running totals of (moment, PnL in lamports), by moment; the last point is the sum of all."""
    points: list[Point] = []
    total = 0
    for at, pnl in sorted(closes):
        total += pnl
        if points and points[-1].at == at:
            points.pop()
        points.append(Point(at=at, pnl_lamports=total))
    return tuple(points)


def drawdown_lamports(points: Sequence[Point]) -> int:
    """The deepest fall below an earlier high, the start counting as 0; never negative."""
    high = deepest = 0
    for point in points:
        high = max(high, point.pnl_lamports)
        deepest = max(deepest, high - point.pnl_lamports)
    return deepest


def as_text(points: Sequence[Point], *, width: int = 72) -> str:
    """One line of blocks over time, from the lowest to the highest value."""
    values = [0, *(point.pnl_lamports for point in _thinned(points, width - 1))]
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[(each - low) * (len(BLOCKS) - 1) // (high - low)] for each in values)


def _thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most so many, evenly by place, the last one always among them."""
    count = min(most, len(points))
    return [points[(place + 1) * len(points) // count - 1] for place in range(count)]


def as_svg(points: Sequence[Point], *, title: str) -> str:
    """A picture of the curve by time, with its extremes and ends written on it."""
    values = [0, *(point.pnl_lamports for point in points)]
    low, high = min(values), max(values)
    color = PROFIT if values[-1] >= 0 else LOSS
    first = points[0].at if points else 0
    last = points[-1].at if points else 0

    def place(at: int, value: int) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * (at - first) / max(1, last - first)
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / max(1, high - low)
        return f"{x:.1f},{y:.1f}"

    steps, before = [place(first, 0)], 0
    for point in points:
        steps += [place(point.at, before), place(point.at, point.pnl_lamports)]
        before = point.pnl_lamports
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{_escaped(title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<polyline points="{place(first, 0)} {place(last, 0)}" stroke="{INK}" stroke-opacity=".35"'
        ' stroke-dasharray="4 4" fill="none"/>',
        f'<polyline points="{" ".join(steps)}" stroke="{color}" stroke-width="2" fill="none"/>',
        _label(MARGIN, 18, title),
        _label(MARGIN, HEIGHT - 8, _day(first)),
        _label(WIDTH - MARGIN, HEIGHT - 8, _day(last), anchor="end"),
        _label(WIDTH - MARGIN, 18, f"{values[-1] / 1e9:+.3f} SOL", anchor="end"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _label(x: int, y: int, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{INK}" font-family="sans-serif" font-size="12"'
        f' text-anchor="{anchor}">{_escaped(text)}</text>'
    )


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
