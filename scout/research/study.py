"""What is known of each wallet by itself; populations are put together from studies.

A study of some wallets never depends on the others, so it can be made a wallet at a time, anywhere,
kept, and joined; only `scout.research.scores` looks at all of them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.costs import Costs
from scout.research.dealings import Outcome, Swaps, follow, swaps_of
from scout.research.groups import extreme, median, number, ratio, total
from scout.research.metrics import DAY, Ledger, record_of
from scout.research.positions import positions_of
from scout.research.round_trips import LeaderFees, round_trips, spent_sol

LAST_DAY = 100_000
"""A day number no swap has: it is in the year 2243."""
BAD_LOSS = -0.10
"""A position below this is a loser one would have to sell or to carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """`wallets`: a row a wallet, indexed by its address, sorted. `copies`: a row a position that a
    copier would have taken, by wallet and time: `wallet` (place in `wallets`), `days` since it was
    opened, `age_hours` of the token then (NaN unknown), `gross` and `cost` per stake, `copies`."""

    wallets: pd.DataFrame
    copies: pd.DataFrame


def study_of(
    rows: pd.DataFrame,
    *,
    liquidity: np.ndarray,
    marks: pd.DataFrame,
    as_of: int,
    costs: Costs,
    fees: LeaderFees | None = None,
) -> Study:
    """Of the wallets in `rows`, all of which must be known at `as_of` (`Trades.known_at`).

    `liquidity` as of `known_liquidity`, `marks` as of `marks_at` for all tokens of the frame.
    """
    fees = fees or LeaderFees()
    present, place = np.unique(rows["wallet"].cat.codes.to_numpy(), return_inverse=True)
    names = rows["wallet"].cat.categories[present]
    rows = rows.assign(wallet=pd.Categorical.from_codes(place, names))
    swaps = swaps_of(rows, liquidity=liquidity, costs=costs)
    outcome = follow(swaps, costs=costs)
    positions = positions_of(swaps, outcome, marks=marks, as_of=as_of, costs=costs)
    is_buy = swaps.is_buy
    ledger = Ledger(
        trips=round_trips(rows, swaps, outcome, fees=fees), positions=positions,
        spent_wallet=swaps.wallet[is_buy], spent_ts=swaps.ts[is_buy],
        spent_sol=spent_sol(rows, swaps, outcome, fees=fees)[is_buy],
        wallets=len(names), as_of=as_of,
    )  # fmt: skip
    parts = [
        record_of(ledger), _activity(rows, swaps, outcome, as_of),
        _habits(positions, len(names)), _prices(swaps, outcome, len(names)),
    ]  # fmt: skip
    wallets = pd.concat(parts, axis=1).set_axis(pd.Index(names, name="wallet"), axis=0)
    return Study(wallets=wallets, copies=_copies(positions, as_of))


def joined(studies: Sequence[Study]) -> Study:
    """One study of all wallets, sorted by address. A wallet must not be in two of them."""
    wallets = pd.concat([study.wallets for study in studies])
    order = np.argsort(wallets.index.to_numpy(), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first = np.cumsum([0, *(len(study.wallets) for study in studies[:-1])])
    copies = pd.concat(
        [
            study.copies.assign(wallet=place[study.copies["wallet"].to_numpy() + start])
            for study, start in zip(studies, first, strict=True)
        ]
    )
    by_wallet = np.argsort(copies["wallet"].to_numpy(), kind="stable")
    return Study(wallets=wallets.iloc[order], copies=copies.iloc[by_wallet].reset_index(drop=True))


def _copies(positions: pd.DataFrame, as_of: int) -> pd.DataFrame:
    taken = positions[(positions["copies"] > 0).to_numpy()]
    order = np.lexsort((taken["token"], taken["opened_ts"], taken["wallet"]))
    taken = taken.iloc[order]
    return pd.DataFrame({
        "wallet": taken["wallet"].to_numpy(np.int64),
        "days": (as_of - taken["opened_ts"].to_numpy()) / DAY,
        "age_hours": taken["age"].to_numpy() / 3_600,
        "gross": taken["gross"].to_numpy(), "cost": taken["cost"].to_numpy(),
        "copies": taken["copies"].to_numpy(),
    })  # fmt: skip


def _activity(rows: pd.DataFrame, swaps: Swaps, outcome: Outcome, as_of: int) -> pd.DataFrame:
    owner, count = swaps.wallet, len(rows["wallet"].cat.categories)
    ts = swaps.ts.astype(float)
    days = np.unique(owner * LAST_DAY + swaps.ts // DAY) // LAST_DAY
    is_unmatched = ~swaps.is_buy & (outcome.opener < 0)
    key = rows["tx_key"].to_numpy()[swaps.row]
    # Stable: swaps of one transaction stay in the order of their wallets.
    by_transaction = np.argsort(key, kind="stable")
    shares = _same_transaction(owner, key, swaps.is_buy, by_transaction)
    return pd.DataFrame({
        "n_trades": number(owner, count), "n_purchases": total(swaps.is_buy, owner, count),
        "first_days": (as_of - extreme(ts, owner, count, largest=False)) / DAY,
        "idle_days": (as_of - extreme(ts, owner, count, largest=True)) / DAY,
        "active_days": number(days, count),
        "unmatched_sales": total(is_unmatched, owner, count),
        "same_transaction_share": ratio(total(shares, owner, count), number(owner, count)),
        "unknown_pool_share": ratio(
            total(swaps.is_buy & np.isnan(swaps.depth), owner, count),
            total(swaps.is_buy, owner, count),
        ),
    })  # fmt: skip


def _same_transaction(
    owner: np.ndarray, key: np.ndarray, is_buy: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """1.0 where a wallet's purchase and sale stand in one transaction."""
    same = (np.diff(owner[order]) == 0) & (key[order][1:] == key[order][:-1])
    same &= is_buy[order][1:] != is_buy[order][:-1]
    found = np.zeros(len(owner))
    found[order[1:][same]] = found[order[:-1][same]] = 1.0
    return found


def _habits(positions: pd.DataFrame, count: int) -> pd.DataFrame:
    """How a wallet deals: concentration, wins, what it does with losers.

    All of it from returns: how much SOL a leader puts in never changes what he is taken for.
    """
    owner = positions["wallet"].to_numpy()
    each = number(owner, count)
    leader = positions["leader"].fillna(0.0).to_numpy()
    is_open = positions["is_open"].to_numpy()
    is_bag = is_open & (leader < BAD_LOSS)
    best = np.zeros(count)
    np.maximum.at(best, owner, np.maximum(leader, 0))
    lost, carried = np.minimum(leader, 0), np.where(is_open, np.minimum(leader, 0), 0)
    pairs = positions.groupby(["wallet", "token"], sort=True).size()
    holder = pairs.index.get_level_values("wallet").to_numpy()
    by_share = np.lexsort((-pairs.to_numpy(), holder))
    rank = np.arange(len(pairs)) - np.searchsorted(holder, holder)
    top = np.where(rank < 3, pairs.to_numpy()[by_share], 0)
    return pd.DataFrame({
        "n_positions": each, "n_copied": total(positions["copies"] > 0, owner, count),
        "n_closed": total(~is_open, owner, count), "n_tokens": number(holder, count),
        "top_tokens_share": ratio(total(top, holder, count), each),
        "n_bags": total(is_bag, owner, count),
        "carried_loss_share": ratio(total(carried, owner, count), total(lost, owner, count)),
        "closed_wins": ratio(total(~is_open & (leader > 0), owner, count), total(~is_open, owner, count)),
        "best_share": ratio(best, total(np.maximum(leader, 0), owner, count)),
        "leader_return": ratio(total(leader, owner, count), each),
    })  # fmt: skip


def _prices(swaps: Swaps, outcome: Outcome, count: int) -> pd.DataFrame:
    """What happens to prices around a wallet's swaps.

    `entry_slip`, `exit_slip`: median adverse move a few seconds later, NaN where never observed ·
    `falls_back_share`: of purchases that follow an own sale of the same token, how many are made
    lower than the sale; `returns`: how many such purchases there are.
    """
    has_price = swaps.price > 0
    moved = np.where(has_price, swaps.quote / np.where(has_price, swaps.price, 1.0) - 1, np.nan)
    moved = np.where(swaps.has_quote, moved, np.nan)
    is_buy = swaps.is_buy
    follows_sale = np.zeros(len(swaps.ts), bool)
    same = (np.diff(swaps.wallet) == 0) & (np.diff(swaps.token) == 0)
    follows_sale[1:] = same & is_buy[1:] & ~is_buy[:-1]
    lower = np.zeros(len(swaps.ts), bool)
    lower[1:] = follows_sale[1:] & (swaps.price[1:] < swaps.price[:-1])
    returns = total(follows_sale, swaps.wallet, count)
    return pd.DataFrame({
        "entry_slip": median(np.where(is_buy, moved, np.nan), swaps.wallet, count),
        "exit_slip": median(np.where(is_buy, np.nan, -moved), swaps.wallet, count),
        "returns": returns, "falls_back_share": ratio(total(lower, swaps.wallet, count), returns),
    })  # fmt: skip
