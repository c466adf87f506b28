"""The skill score: what a wallet is expected to earn for a copier in the next 30 days, in SOL.

= (shrunk gross return − the whole cost of copying) per copy × copies expected × stake. The gross
return is shrunk because luck is large in it; the cost is not, because it is measured well (Levy &
Roll 2023). See docs/scout-scores.md for the formulas.
"""

from dataclasses import dataclass
from math import erf

import numpy as np
import pandas as pd

from scout.research.groups import number, ratio, total
from scout.research.shrinkage import (
    BELIEVED_TRADES,
    Population,
    Posterior,
    population_of,
    posterior_of,
)
from scout.research.study import Study

LARGEST_RETURN = 4.0
"""Standard deviations at which a single return is cut: one big win is one win."""
SAMPLE = 200_000
"""Positions from which the risk of a position is estimated; a systematic sample of them."""
PRIOR_POSITIONS = 10.0
"""Weight, in positions, of the population's variance in a wallet's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Time constants, in days."""

    half_life: float = 30.0
    """Of the weight of costs, rates and the admission test."""
    forward: float = 30.0
    """What the score looks ahead."""
    skill_lasts: float = 180.0
    """Mean life of a skill."""
    wallet_lasts: float = 120.0
    """Mean life of an active wallet."""
    period: float = 7.0
    remembered: float = 182.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """A population's copied positions, standardised: arrays of one entry a position."""

    wallet: np.ndarray
    days: np.ndarray
    risk: np.ndarray
    """Standard deviation of such a return, foreseen when it was opened."""
    standard: np.ndarray
    """Gross return in these, cut at ±4."""
    gross: np.ndarray
    cost: np.ndarray
    weight: np.ndarray
    """Of recency: ½ per half-life."""
    copies: np.ndarray


def copies_of(study: Study, *, is_plain: np.ndarray, horizon: Horizon) -> Copies:
    """`is_plain` per wallet: whose returns tell what risk an ordinary position has."""
    frame = study.copies
    wallet, gross = frame["wallet"].to_numpy(), frame["gross"].to_numpy()
    risk = _risk(study, is_plain)
    return Copies(
        wallet=wallet, days=frame["days"].to_numpy(), risk=risk,
        standard=np.clip(gross / risk, -LARGEST_RETURN, LARGEST_RETURN),
        gross=gross, cost=np.clip(frame["cost"].to_numpy(), -1, 3),
        weight=0.5 ** (frame["days"].to_numpy() / horizon.half_life),
        copies=frame["copies"].to_numpy(),
    )  # fmt: skip


def _risk(study: Study, is_plain: np.ndarray) -> np.ndarray:
    """Expected size of a position's return, from what is known when it is opened.

    log|return| on the logarithms of the wallet's usual holding time and of the token's age (a
    regression over the population). The position's own holding time would not do: who sells every
    winner at once and no loser would look as if his gains were made at no risk.
    """
    frame = study.copies
    wallet, gross = frame["wallet"].to_numpy(), frame["gross"].to_numpy()
    hours = np.maximum(study.wallets["hold_seconds"].to_numpy(), 60) / 3_600
    age = frame["age_hours"].to_numpy()
    hold = np.log(np.nan_to_num(hours, nan=1.0))[wallet]
    age = np.log(np.maximum(np.where(np.isnan(age), 48.0, age), 1 / 60))
    terms = np.stack([np.ones(len(hold)), hold, age, hold**2, age**2, hold * age], axis=1)
    sample = np.flatnonzero(is_plain[wallet])
    sample = sample[:: max(1, len(sample) // SAMPLE)]
    if not len(sample):
        return np.full(len(gross), 0.2)
    size = np.log(np.abs(np.log1p(np.maximum(gross[sample], -0.98))) + 1e-3)
    ridge = np.diag([0.0, 1, 1, 1, 1, 1]) * 10.0  # few positions tell no shape
    x = terms[sample]
    slopes = np.linalg.solve(x.T @ x + ridge + 1e-9 * np.eye(6), x.T @ size)
    risk = np.exp(terms @ slopes)
    scale = np.clip(gross[sample] / risk[sample], -LARGEST_RETURN, LARGEST_RETURN)
    risk = risk * max(float(np.sqrt(np.mean(scale**2))), 1e-3)
    return np.asarray(np.clip(risk, 0.005, 2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """Per wallet, weighted by recency; NaN without positions."""

    trades: np.ndarray
    """Effective number of positions."""
    standard: np.ndarray
    risk: np.ndarray
    cost: np.ndarray
    plain_net: np.ndarray
    """Mean net return as it was, nothing cut or shrunk."""
    net: np.ndarray
    """The same of returns cut at ±4 standard deviations."""
    net_error: np.ndarray
    """Its standard error."""
    per_position: np.ndarray
    """Copies a position takes."""
    weight: np.ndarray


def averages_of(copies: Copies, count: int) -> Averages:
    """Of each of the wallets 0 … count−1."""
    weight = total(copies.weight, copies.wallet, count)
    squares = total(copies.weight**2, copies.wallet, count)

    def mean(values: np.ndarray) -> np.ndarray:
        return ratio(total(copies.weight * values, copies.wallet, count), weight)

    net = copies.standard * copies.risk - copies.cost
    centre = mean(net)
    trades = np.nan_to_num(ratio(weight**2, squares))
    variance = mean((net - centre[copies.wallet]) ** 2)
    common = np.nansum(variance * trades) / max(float(np.sum(trades[~np.isnan(variance)])), 1.0)
    variance = (np.nan_to_num(variance) * trades + common * PRIOR_POSITIONS) / (
        np.maximum(trades - 1, 0) + PRIOR_POSITIONS
    )
    return Averages(
        trades=trades, standard=mean(copies.standard), risk=mean(copies.risk), weight=weight,
        cost=mean(copies.cost), net=centre, plain_net=mean(copies.gross - copies.cost),
        net_error=np.sqrt(variance / np.maximum(trades, 1)),
        per_position=mean(copies.copies),
    )  # fmt: skip


def posterior(
    copies: Copies, averages: Averages, *, is_plain: np.ndarray, horizon: Horizon
) -> tuple[Population, Posterior]:
    """Skill of every wallet, its population being the plain ones with at least two positions."""
    count = len(is_plain)
    counted = is_plain & (averages.trades >= 2)
    deviation = (copies.standard - averages.standard[copies.wallet]) ** 2
    squares = total(copies.weight * deviation, copies.wallet, count)[counted].sum()
    weight = averages.weight[counted].sum()
    noise = (squares + BELIEVED_TRADES) / (weight + BELIEVED_TRADES)
    population = population_of(
        averages.standard[counted], averages.trades[counted], noise=float(noise)
    )
    periods = int(horizon.remembered // horizon.period)
    period = np.minimum((copies.days // horizon.period).astype(int), periods - 1)
    cell, shape = copies.wallet * periods + period, (count, periods)
    found = posterior_of(
        total(copies.standard, cell, count * periods).reshape(shape),
        number(cell, count * periods).reshape(shape),
        population, hazard=1 - np.exp(-horizon.period / horizon.skill_lasts),
    )  # fmt: skip
    return population, found


def alive(wallets: pd.DataFrame, *, horizon: Horizon) -> np.ndarray:
    """Probability that a wallet trades on, after its days of silence.

    With days of trading at a constant rate a and an end of all trading at the rate h, the chance
    that it goes on is 1 / (1 + h/(a+h)·(e^((a+h)·idle) − 1)) (Schmittlein, Morrison & Colombo 1987).
    Days, not trades: trades come in bursts.
    """
    rate = wallets["active_days"].to_numpy() / np.maximum(wallets["first_days"].to_numpy(), 1.0)
    hazard = 1 / horizon.wallet_lasts
    silence = np.clip((rate + hazard) * wallets["idle_days"].to_numpy(), 0, 500)
    return np.asarray(1 / (1 + hazard / (rate + hazard) * np.expm1(silence)))


def positions_ahead(
    wallets: pd.DataFrame, averages: Averages, likely_alive: np.ndarray, *, horizon: Horizon
) -> np.ndarray:
    """Positions a copier can expect in the next `forward` days: recent rate × P(alive)."""
    span = np.maximum(wallets["first_days"].to_numpy(), 3.0)
    observed = (1 - 0.5 ** (span / horizon.half_life)) * horizon.half_life / np.log(2)
    return np.asarray(averages.weight / observed * horizon.forward * likely_alive)


def normal_cdf(values: np.ndarray) -> np.ndarray:
    """P(standard normal ≤ value)."""
    return np.array([0.5 * (1 + erf(value / 2**0.5)) for value in np.ravel(values)])
