"""A position's price as numbers for an inline SVG: the line, the levels that would sell, the fills on it.

Across in hundredths of the picture's width, so that it fills whatever room there is; down in pixels.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from trading.curve.nav import TIME_LABELS, TimeLabel
from trading.domain.pnl import price_sol
from trading.domain.values import Action
from trading.holdings import ONE, Holding
from trading.models import Fill
from trading.services.ticks import KEEP_EVERY, Tick, thinned_ticks

WIDTH, HEIGHT = 100, 248
TOP, BOTTOM = 12, 26
MOST_POINTS = 180
BEFORE = timedelta(seconds=5)
STAYS = 3 * KEEP_EVERY
"""So long the last price is drawn on; after that nobody has looked."""
FAR = Decimal("1.6")
"""A level this many times above the highest price would press the line flat, and is named instead of drawn."""

YScale = Callable[[Decimal], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One price, with the strip that shows its title on hover; `gain` against the entry."""

    x: float
    y: float
    strip_x: float
    strip_width: float
    at: datetime
    price_sol: Decimal
    gain: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A price that means something: the entry, the stop, the next tier. `tone` is its colour.

    `label` is the name as short as the margin is on a phone.
    """

    y: float
    name: str
    label: str
    tone: str
    price_sol: Decimal
    gain: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One fill on the line, drawn as a triangle whose tip is here and that points up for a buy."""

    x: float
    y: float
    is_buy: bool
    at: datetime
    price_sol: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """Everything the template draws. Empty `line`: no price is kept of this time."""

    line: str = ""
    spots: tuple[Spot, ...] = ()
    levels: tuple[Level, ...] = ()
    marks: tuple[Mark, ...] = ()
    times: tuple[TimeLabel, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    bottom: int = HEIGHT - BOTTOM


def price_line(holding: Holding, fills: Iterable[Fill], *, now: datetime) -> PriceLine:
    """From a moment before the entry to the close, or to now."""
    position, found = holding.position, list(fills)
    until = position.closed_at or now
    ticks = thinned_ticks(
        position.mint, since=position.opened_at - BEFORE, until=until, most=MOST_POINTS
    )
    prices = [fill_price(fill, decimals=position.decimals) for fill in found]
    if not ticks:
        return PriceLine()
    entry = position.entry_price_sol
    levels = _levels(holding, highest=max(tick.price_sol for tick in ticks))
    drawn = [*(tick.price_sol for tick in ticks), *prices, *(price for _, _, price in levels)]
    y_of = _scale(drawn)
    start, end = min(position.opened_at, ticks[0].at), max(until, ticks[-1].at)
    spots = _spots(ticks, start=start, end=end, entry=entry, y_of=y_of)
    return PriceLine(
        line=_steps(spots, end_x=_x(min(end, ticks[-1].at + STAYS), start, end)),
        spots=spots,
        levels=tuple(
            Level(
                y=y_of(price),
                name=name,
                label=name.rpartition(" ")[2] if tone == "loss" else name,
                tone=tone,
                price_sol=price,
                gain=_gain(price, entry),
            )
            for name, tone, price in levels
        ),
        marks=tuple(
            _mark(
                fill,
                price,
                bought_raw=position.bought_raw,
                x=_x(fill.filled_at, start, end),
                y=y_of(price),
            )
            for fill, price in zip(found, prices, strict=True)
        ),
        times=_times(start, end),
    )


def fill_price(fill: Fill, *, decimals: int) -> Decimal:
    """SOL per whole token of one fill."""
    return price_sol(lamports=fill.sol_lamports, token_raw=int(fill.token_raw), decimals=decimals)


def _levels(holding: Holding, *, highest: Decimal) -> list[tuple[str, str, Decimal]]:
    position, outlook = holding.position, holding.outlook
    levels = [("entry", "base", position.entry_price_sol)]
    if outlook is None:
        return levels
    stop = "trailing stop" if outlook.is_trailing else "hard stop"
    levels.append((stop, "loss", outlook.stop_price_sol))
    if outlook.tier_gain is not None:
        tier = position.entry_price_sol * (ONE + outlook.tier_gain)
        if tier <= highest * FAR:
            levels.append((f"tier {outlook.tiers_taken + 1}", "gain", tier))
    return levels


def _scale(prices: Sequence[Decimal]) -> YScale:
    lowest, highest = min(prices), max(prices)
    air = (highest - lowest) * Decimal("0.06") or highest * Decimal("0.01") or ONE
    lowest, span = lowest - air, highest - lowest + 2 * air

    def y_of(price: Decimal) -> float:
        share = float((price - lowest) / span)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    return y_of


def _x(at: datetime, start: datetime, end: datetime) -> float:
    share = (at - start) / ((end - start) or timedelta(seconds=1))
    return round(WIDTH * min(1.0, max(0.0, share)), 2)


def _times(start: datetime, end: datetime) -> tuple[TimeLabel, ...]:
    last = TIME_LABELS - 1
    anchors = ("start", *["middle"] * (last - 1), "end")
    moments = [start + (end - start) * index / last for index in range(TIME_LABELS)]
    return tuple(
        TimeLabel(x=_x(at, start, end), anchor=anchor, at=at)
        for at, anchor in zip(moments, anchors, strict=True)
    )


def _steps(spots: Sequence[Spot], *, end_x: float) -> str:
    """A price stays until the next one that is kept: what lies between moved by less than a thousandth."""
    corners = [f"{spots[0].x},{spots[0].y}"]
    for before, spot in pairwise(spots):
        corners += [f"{spot.x},{before.y}", f"{spot.x},{spot.y}"]
    return " ".join([*corners, f"{end_x},{spots[-1].y}"])


def _spots(
    ticks: Sequence[Tick], *, start: datetime, end: datetime, entry: Decimal, y_of: YScale
) -> tuple[Spot, ...]:
    xs = [_x(tick.at, start, end) for tick in ticks]
    edges = [*xs, _x(end, start, end)]
    return tuple(
        Spot(
            x=x,
            y=y_of(tick.price_sol),
            strip_x=x,
            strip_width=round(edges[index + 1] - x, 2),
            at=tick.at,
            price_sol=tick.price_sol,
            gain=_gain(tick.price_sol, entry),
            source=tick.source,
        )
        for index, (x, tick) in enumerate(zip(xs, ticks, strict=True))
    )


def _mark(fill: Fill, price: Decimal, *, bought_raw: int, x: float, y: float) -> Mark:
    return Mark(
        x=x,
        y=y,
        is_buy=fill.action == Action.BUY,
        at=fill.filled_at,
        price_sol=price,
        share=Decimal(int(fill.token_raw)) / (int(bought_raw) or 1),
    )


def _gain(price: Decimal, entry: Decimal) -> Decimal:
    return price / entry - ONE if entry else Decimal(0)
