"""Scores of a population: WQS, skill, archetype, status, and the reasons for them."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scout.research.admission import (
    CERTAIN_ENOUGH,
    DISCOVERY_RATE,
    LEAST_EVIDENCE,
    expected_by_luck,
    q_values,
)
from scout.research.archetypes import (
    BEFORE_SCORING,
    PLAYS_THE_MARKET,
    UNWORTHY,
    Archetype,
    archetypes_of,
)
from scout.research.costs import Costs
from scout.research.reasons import reasons_of
from scout.research.shrinkage import Population, Posterior
from scout.research.skill import (
    Averages,
    Horizon,
    alive,
    averages_of,
    copies_of,
    normal_cdf,
    positions_ahead,
    posterior,
)
from scout.research.study import Study
from scout.research.wqs import Record, wqs

SKILL_VERSION = 1
LEAST_COPIES = 5
"""Positions below which there is no skill score."""

COLUMNS = (
    "n_trades", "wqs", "skill", "skill_p_positive", "expected_copy_return", "archetype", "status",
    "reasons",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the scores depend on beside the trades."""

    costs: Costs = field(default_factory=Costs)
    horizon: Horizon = field(default_factory=Horizon)
    is_chosen: bool = False
    """Whether the wallets were chosen for being good, as a roster's are: then what they have in common is
    their skill, and is not taken for a windfall."""


def scores_of(study: Study, *, settings: Settings | None = None) -> pd.DataFrame:
    """A row a wallet, by address, with `COLUMNS` first and every figure they rest on after them.

    skill: SOL expected in 30 days · expected_copy_return: net, per copy · skill_p_positive:
    P(net return per copy > 0). All three are NaN with fewer than `LEAST_COPIES` replayable
    positions. status: ACTIVE, CANDIDATE or REJECTED.
    """
    settings = settings or Settings()
    horizon = settings.horizon
    figures = study.wallets.copy()
    unobserved = figures["entry_slip"].isna() & figures["entry_delay_seconds"].isna()
    figures["hold_if_unobserved"] = figures["hold_seconds"].where(unobserved)
    figures["alive"] = alive(figures, horizon=horizon)
    known = archetypes_of(figures, only=BEFORE_SCORING)["archetype"].to_numpy()
    is_plain = known == ""
    copies = copies_of(study, is_plain=is_plain, horizon=horizon)
    averages = averages_of(copies, len(figures))
    population, skill = posterior(copies, averages, is_plain=is_plain, horizon=horizon)
    is_scored = study.wallets["n_copied"].to_numpy() >= LEAST_COPIES
    lift = 0.0 if settings.is_chosen else windfall(population)
    per_copy, positive = _return(
        averages, population, skill, figures.assign(archetype=known), lift=lift
    )
    ahead = positions_ahead(figures, averages, figures["alive"].to_numpy(), horizon=horizon)
    figures = figures.assign(
        skilled=_better(skill, population), ended=skill.ended, copies_ahead=ahead * averages.per_position,
        cost_per_copy=averages.cost, net_so_far=averages.plain_net,
        wqs=wqs(_record(figures)),
        expected_copy_return=np.where(is_scored, per_copy, np.nan),
        skill_p_positive=np.where(is_scored, positive, np.nan),
    )  # fmt: skip
    stake = settings.costs.stake_sol
    figures["skill"] = figures["expected_copy_return"] * figures["copies_ahead"] * stake
    net = averages.net - lift * averages.risk
    p_value = 1 - normal_cdf(net / np.where(averages.net_error > 0, averages.net_error, 1))
    figures["p_value"] = np.where(is_scored & ~np.isnan(averages.net), p_value, np.nan)
    figures["q_value"] = q_values(figures["skill_p_positive"].to_numpy())
    figures["by_luck"] = expected_by_luck(figures["p_value"].to_numpy())
    figures = figures.join(archetypes_of(figures))
    figures["status"] = _status(figures)
    figures["reasons"] = reasons_of(figures, tests=int(figures["p_value"].notna().sum()))
    rest = [name for name in figures.columns if name not in COLUMNS]
    return figures[[*COLUMNS, *rest]]


def _record(figures: pd.DataFrame) -> Record:
    columns = ("roi_7d_pct", "roi_30d_pct", "consistency", "win_rate", "drawdown_pct")
    return Record(
        trades=figures["n_trades"].to_numpy(),
        **{name: figures[name].to_numpy(float) for name in columns},
    )


def windfall(population: Population) -> float:
    """Standard deviations a trade that the market gave to everybody, skilled or not.

    A rising market lifts all records; that it rises again is nobody's skill, and is not expected.
    What it took is not given back: the mean holds the leaders' own impact too.
    """
    return max(population.mean, 0.0)


def _better(skill: Posterior, population: Population) -> np.ndarray:
    """P(picks better than others now): the skilled of the mixture are those who differ, some for the worse."""
    deviation = np.where(skill.deviation > 0, skill.deviation, 1.0)
    better = normal_cdf((skill.mean - population.mean) / deviation)
    return np.asarray(skill.skilled * better)


def _return(
    averages: Averages,
    population: Population,
    skill: Posterior,
    figures: pd.DataFrame,
    *,
    lift: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected net return per copy, and the probability that it is above 0; `lift` is the windfall in it.

    Who plays the market is not one of a population with a common mean: his own average stands, and
    where no price after his swaps was observed, what he gains is taken to be what his followers
    lose. It never counts in favour of him, nor does a record made by not selling losers.
    """
    hurdle = averages.cost / averages.risk + lift
    per_copy = (skill.expected - hurdle) * averages.risk
    deviation = np.where(skill.deviation > 0, skill.deviation, 1.0)
    positive = skill.skilled * normal_cdf((skill.mean - hurdle) / deviation)
    positive = positive + (1 - skill.skilled) * (population.mean > hurdle)
    plays = figures["archetype"].isin(PLAYS_THE_MARKET).to_numpy()
    unobserved = figures["entry_slip"].isna().to_numpy()
    own = np.where(unobserved, -np.abs(averages.plain_net), averages.plain_net)
    per_copy = np.where(plays, own, per_copy)
    is_bad = plays | (figures["archetype"] == Archetype.BAG_HOLDER).to_numpy()
    return np.where(is_bad, np.minimum(per_copy, 0.0), per_copy), np.where(is_bad, 0.0, positive)


def _status(figures: pd.DataFrame) -> np.ndarray:
    """ACTIVE: admitted by false-discovery control and by its own record, and no unworthy kind."""
    is_worthy = ~figures["archetype"].isin(UNWORTHY).to_numpy()
    is_sure = (
        (figures["expected_copy_return"] > 0)
        & (figures["q_value"] <= DISCOVERY_RATE)
        & (figures["skill_p_positive"] >= CERTAIN_ENOUGH)
        & (figures["p_value"] <= LEAST_EVIDENCE)
    )
    active = is_worthy & is_sure.to_numpy()
    maybe = is_worthy & (figures["skill_p_positive"] >= 0.2).to_numpy()
    return np.select([active, maybe], ["ACTIVE", "CANDIDATE"], "REJECTED")
