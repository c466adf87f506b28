"""The leader's own record: returns, wins, drawdown, steadiness; one figure a wallet each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.groups import median, number, ratio, total

DAY = 86_400
NEVER = 2**33
"""Later than any swap."""
WEEKS_OF_STEADINESS = 13
LEAST_WEEKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All that the record is drawn from; `wallets` is how many codes there are.

    `trips`: lots of `round_trips` · `positions`: of `positions_of` · `spent_ts`, `spent_wallet`,
    `spent_sol`: every purchase.
    """

    trips: pd.DataFrame
    positions: pd.DataFrame
    spent_wallet: np.ndarray
    spent_ts: np.ndarray
    spent_sol: np.ndarray
    wallets: int
    as_of: int


def record_of(ledger: Ledger) -> pd.DataFrame:
    """A row a wallet; NaN where a figure cannot be had. Percentages where the name says so."""
    trips, count = ledger.trips, ledger.wallets
    wallet = trips["wallet"].to_numpy()
    gain = (trips["proceeds_sol"] - trips["cost_sol"]).to_numpy()
    won, lost = (
        total(np.maximum(gain, 0), wallet, count),
        -total(np.minimum(gain, 0), wallet, count),
    )
    by_position = trips.assign(gain=gain).groupby("opener", sort=True)
    result = by_position["gain"].sum().to_numpy()
    owner = by_position["wallet"].first().to_numpy()
    largest = np.zeros(count)
    np.maximum.at(largest, owner, np.maximum(result, 0))
    return pd.DataFrame({
        "roi_7d_pct": _roi_pct(ledger, gain, 7), "roi_30d_pct": _roi_pct(ledger, gain, 30),
        "win_rate": ratio(total(result > 0, owner, count), number(owner, count)),
        "profit_factor": ratio(won, lost), "realised_sol": won - lost,
        "largest_win_share": ratio(largest, total(np.maximum(result, 0), owner, count)),
        "drawdown_pct": drawdown_pct(ledger, gain), "consistency": _consistency(ledger, gain),
        "hold_seconds": median(ledger.positions["hold"].to_numpy(float), _owner(ledger), count),
        "entry_delay_seconds": median(ledger.positions["age"].to_numpy(), _owner(ledger), count),
        "size_sol": median(ledger.spent_sol, ledger.spent_wallet, count),
    })  # fmt: skip


def _owner(ledger: Ledger) -> np.ndarray:
    return np.asarray(ledger.positions["wallet"].to_numpy())


def _roi_pct(ledger: Ledger, gain: np.ndarray, days: int) -> np.ndarray:
    """Realised gain over the cost of what was sold in the last `days`, in percent."""
    wallet = ledger.trips["wallet"].to_numpy()
    is_recent = ledger.trips["sold_ts"].to_numpy() > ledger.as_of - days * DAY
    cost = np.where(is_recent, ledger.trips["cost_sol"].to_numpy(), 0.0)
    gained = total(np.where(is_recent, gain, 0.0), wallet, ledger.wallets)
    return 100 * ratio(gained, total(cost, wallet, ledger.wallets))


def _consistency(ledger: Ledger, gain: np.ndarray) -> np.ndarray:
    """Share of the weeks with sales that ended in profit, of the last 13; NaN below 4 such weeks."""
    week = (ledger.as_of - ledger.trips["sold_ts"].to_numpy()) // (7 * DAY)
    is_recent = week < WEEKS_OF_STEADINESS
    cell = (ledger.trips["wallet"].to_numpy() * WEEKS_OF_STEADINESS + week)[is_recent]
    cells = ledger.wallets * WEEKS_OF_STEADINESS
    shape = (ledger.wallets, WEEKS_OF_STEADINESS)
    has_sales = (number(cell, cells) > 0).reshape(shape)
    is_good = (total(gain[is_recent], cell, cells) > 0).reshape(shape)
    weeks = has_sales.sum(axis=1)
    return np.where(weeks >= LEAST_WEEKS, is_good.sum(axis=1) / np.maximum(weeks, 1), np.nan)


def drawdown_pct(ledger: Ledger, gain: np.ndarray) -> np.ndarray:
    """Largest fall of equity from its peak, in percent of that peak, 0 to 100.

    Equity is the most SOL that was ever at work at once, plus what was gained since; open bags
    count at their mark at the end. (Measured against the peak of gains alone, a drawdown would
    condemn who began with a small loss and spare who never sells a loser.) NaN without a purchase.
    """
    capital = _capital(ledger)
    bags = ledger.positions[ledger.positions["is_open"]]
    paper = total(
        (bags["leader"] * bags["spent"]).fillna(0.0).to_numpy(),
        bags["wallet"].to_numpy(),
        ledger.wallets,
    )
    realised_of_bags = ledger.trips["opener"].isin(bags["opener"]).to_numpy()
    wallet, sold = ledger.trips["wallet"].to_numpy(), ledger.trips["sold_ts"].to_numpy()
    paper -= total(np.where(realised_of_bags, gain, 0.0), wallet, ledger.wallets)
    everyone = np.arange(ledger.wallets)
    owner = np.r_[everyone, wallet, everyone]
    when = np.r_[np.zeros(ledger.wallets, np.int64), sold, np.full(ledger.wallets, NEVER - 1)]
    change = np.r_[capital, gain, paper]
    order = in_order(owner, when)
    owner, change = owner[order], change[order]
    start = np.searchsorted(owner, everyone)[owner]
    sums = np.cumsum(change)
    equity = sums - (sums - change)[start]
    peak = _running_peak(equity, owner, ledger.wallets)
    fall = np.where(peak > 0, (peak - equity) / np.where(peak > 0, peak, 1.0), np.nan)
    worst = np.zeros(ledger.wallets)
    np.maximum.at(worst, owner, np.nan_to_num(np.clip(fall, 0, 1)))
    return np.where(capital > 0, 100 * worst, np.nan)


def _capital(ledger: Ledger) -> np.ndarray:
    """The most SOL each wallet ever had in tokens at once, at cost."""
    owner = np.r_[ledger.trips["wallet"].to_numpy(), ledger.spent_wallet]
    when = np.r_[ledger.trips["sold_ts"].to_numpy(), ledger.spent_ts]
    change = np.r_[-ledger.trips["cost_sol"].to_numpy(), ledger.spent_sol]
    order = in_order(owner, when)
    owner, change = owner[order], change[order]
    sums = np.cumsum(change)
    begin = np.searchsorted(owner, np.arange(ledger.wallets))
    before = np.r_[0.0, sums][begin]
    most = np.zeros(ledger.wallets)
    np.maximum.at(most, owner, sums - before[owner])
    return most


def in_order(owner: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Order by owner and time; what is simultaneous keeps its order."""
    return np.argsort(owner.astype(np.int64) * NEVER + when, kind="stable")


def _running_peak(equity: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """Highest equity so far, each wallet for itself: wallets are lifted above one another."""
    scale = np.zeros(count)
    np.maximum.at(scale, owner, np.abs(equity))
    scale = np.where(scale > 0, scale, 1.0)[owner]
    lifted = np.maximum.accumulate(equity / scale + 4.0 * owner)
    return np.asarray((lifted - 4.0 * owner) * scale)
