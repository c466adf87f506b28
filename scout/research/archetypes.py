"""What kind of trader a wallet is, each verdict with the figures it rests on.

The order matters: what makes a record worthless for a copier is asked first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd


class Archetype(StrEnum):
    """Kinds of wallets."""

    MARKET_MAKER = "MARKET_MAKER"
    """Arbitrage and market making: in and out within seconds."""
    INSIDER = "INSIDER"
    SNIPER = "SNIPER"
    WASH_TRADER = "WASH_TRADER"
    UNCOPYABLE = "UNCOPYABLE"
    """Prices run away before a copier can act, whatever the cause."""
    BAG_HOLDER = "BAG_HOLDER"
    ONE_HIT = "ONE_HIT"
    DORMANT = "DORMANT"
    FRESH = "FRESH"
    DECAYED = "DECAYED"
    LUCKY = "LUCKY"
    WHALE = "WHALE"
    SWING = "SWING"
    SCALPER = "SCALPER"
    DAY_TRADER = "DAY_TRADER"
    UNKNOWN = "UNKNOWN"
    """No position: nothing can be said."""


PLAYS_THE_MARKET = (
    Archetype.MARKET_MAKER, Archetype.INSIDER, Archetype.SNIPER, Archetype.WASH_TRADER,
    Archetype.UNCOPYABLE,
)  # fmt: skip
"""Their gains are made of prices that a copier does not get."""

UNWORTHY = (
    *PLAYS_THE_MARKET, Archetype.BAG_HOLDER, Archetype.ONE_HIT, Archetype.DORMANT, Archetype.FRESH,
    Archetype.DECAYED, Archetype.LUCKY, Archetype.UNKNOWN,
)  # fmt: skip
"""Never proposed for copying, whatever their score."""

LEAST_CLOSED = 5
"""Closed positions below which habits are not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One condition on one figure; `unit` is how it is shown."""

    figure: str
    least: float | None = None
    most: float | None = None
    unit: Callable[[float], str] = "{:.2f}".format
    name: str = ""

    def holds(self, figures: pd.DataFrame) -> np.ndarray:
        """True where the figure is known and within the bound."""
        values = figures[self.figure].to_numpy(float)
        low = values >= self.least if self.least is not None else ~np.isnan(values)
        return np.asarray(low & (values <= self.most) if self.most is not None else low)

    def evidence(self, value: float) -> str:
        """E.g. `median holding 12 s ≤ 60 s`."""
        limit = self.least if self.least is not None else self.most
        sign = "≥" if self.least is not None else "≤"
        return f"{self.name} {self.unit(value)} {sign} {self.unit(limit or 0.0)}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _signed(value: float) -> str:
    return f"{value:+.1%}"


def _times(value: float) -> str:
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """Shortly, in the largest fitting unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _days(value: float) -> str:
    return f"{value:.1f} d"


def _sol(value: float) -> str:
    return f"{value:.2f} SOL"


CLOSED = Bound(figure="n_closed", least=LEAST_CLOSED, unit=_times, name="closed positions")
QUICK = Bound(figure="hold_seconds", most=60, unit=duration, name="median holding")
AT_LAUNCH = Bound(figure="entry_delay_seconds", most=120, unit=duration, name="median age of token")
WINS = Bound(figure="closed_wins", least=0.6, unit=_percent, name="wins")
RUNS_UP = Bound(figure="entry_slip", least=0.05, unit=_percent, name="price after its purchases up")
RUNS_DOWN = Bound(figure="exit_slip", least=0.05, unit=_percent, name="price after its sales down")

RULES: tuple[tuple[Archetype, tuple[Bound, ...]], ...] = (
    (Archetype.UNKNOWN, (Bound(figure="n_positions", most=0, unit=_times, name="positions"),)),
    (Archetype.MARKET_MAKER, (
        Bound(figure="same_transaction_share", least=0.5, unit=_percent, name="bought and sold in one transaction"),
    )),
    (Archetype.WASH_TRADER, (
        Bound(figure="top_tokens_share", least=0.8, unit=_percent, name="positions in its three tokens"),
        Bound(figure="returns", least=10, unit=_times, name="purchases after an own sale"),
        Bound(figure="falls_back_share", least=0.65, unit=_percent, name="of them below that sale"),
        Bound(figure="closed_wins", least=0.75, unit=_percent, name="wins"),
    )),
    (Archetype.WASH_TRADER, (
        # Volume for its own sake: round and round in the same few tokens, within minutes, for nothing.
        Bound(figure="top_tokens_share", least=0.8, unit=_percent, name="positions in its three tokens"),
        Bound(figure="returns", least=10, unit=_times, name="purchases after an own sale"),
        Bound(figure="hold_seconds", most=600, unit=duration, name="median holding"),
        Bound(figure="leader_return", most=0.01, unit=_signed, name="mean return"),
        Bound(figure="leader_return", least=-0.01, unit=_signed, name="mean return"),
    )),
    (Archetype.INSIDER, (CLOSED, AT_LAUNCH, WINS)),
    (Archetype.INSIDER, (CLOSED, RUNS_UP, RUNS_DOWN, WINS)),
    (Archetype.SNIPER, (AT_LAUNCH,)),
    (Archetype.MARKET_MAKER, (CLOSED, QUICK)),
    (Archetype.UNCOPYABLE, (RUNS_UP,)),
    (Archetype.UNCOPYABLE, (RUNS_DOWN,)),
    (Archetype.UNCOPYABLE, (
        Bound(figure="hold_if_unobserved", most=600, unit=duration,
              name="neither token ages nor prices after its swaps are known; median holding"),
    )),
    (Archetype.BAG_HOLDER, (
        CLOSED,
        Bound(figure="n_bags", least=3, unit=_times, name="open positions in loss"),
        Bound(figure="carried_loss_share", least=0.9, unit=_percent, name="losses never sold"),
        Bound(figure="closed_wins", least=0.9, unit=_percent, name="wins among the closed"),
    )),
    (Archetype.BAG_HOLDER, (
        # Few bags are enough where no loss was ever taken: such a record holds the capped gains and
        # hides what a loser costs.
        Bound(figure="n_closed", least=8, unit=_times, name="closed positions"),
        Bound(figure="closed_wins", least=0.95, unit=_percent, name="wins among them"),
        Bound(figure="carried_loss_share", least=0.9, unit=_percent, name="losses never sold"),
    )),
    (Archetype.FRESH, (
        Bound(figure="first_days", most=7, unit=_days, name="first trade ago"),
    )),
    (Archetype.DORMANT, (
        Bound(figure="alive", most=0.5, unit=_percent, name="probability of trading on"),
        Bound(figure="idle_days", least=0, unit=_days, name="last trade ago"),
    )),
    (Archetype.ONE_HIT, (
        CLOSED,
        Bound(figure="best_share", least=0.5, unit=_percent, name="of all gains from one position"),
    )),
    (Archetype.DECAYED, (
        Bound(figure="ended", least=0.5, unit=_percent, name="probability that skill has ended"),
    )),
    (Archetype.LUCKY, (
        Bound(figure="leader_return", least=0, unit=_signed, name="leader's mean return"),
        Bound(figure="skilled", most=0.5, unit=_percent, name="probability of skill"),
    )),
    (Archetype.WHALE, (Bound(figure="size_sol", least=20, unit=_sol, name="median purchase"),)),
    (Archetype.SWING, (Bound(figure="hold_seconds", least=86_400, unit=duration, name="median holding"),)),
    (Archetype.SCALPER, (Bound(figure="hold_seconds", most=3_600, unit=duration, name="median holding"),)),
    (Archetype.DAY_TRADER, (Bound(figure="hold_seconds", least=0, unit=duration, name="median holding"),)),
)  # fmt: skip
BEFORE_SCORING = (*PLAYS_THE_MARKET, Archetype.BAG_HOLDER, Archetype.UNKNOWN)
"""Kinds that are known from a wallet's study alone."""


def archetypes_of(
    figures: pd.DataFrame, *, only: tuple[Archetype, ...] = tuple(Archetype)
) -> pd.DataFrame:
    """`archetype` and its `evidence` per row of `figures`: the first rule that holds; "" if none.

    `only` restricts to rules whose figures are there already.
    """
    kind = np.full(len(figures), "", dtype=object)
    evidence = np.full(len(figures), "", dtype=object)
    for archetype, bounds in RULES:
        if archetype not in only:
            continue
        holds = np.logical_and.reduce([bound.holds(figures) for bound in bounds]) & (kind == "")
        values = [figures[bound.figure].to_numpy(float) for bound in bounds]
        for row in np.flatnonzero(holds):
            shown = (b.evidence(float(v[row])) for b, v in zip(bounds, values, strict=True))
            evidence[row] = ", ".join(shown)
        kind[holds] = archetype.value
    return pd.DataFrame({"archetype": kind, "evidence": evidence}, index=figures.index)
