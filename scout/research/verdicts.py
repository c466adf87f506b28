"""Whether a wallet's replay speaks for following it: counts and money of each wallet, and one code.

All wallets at once; what is one wallet's in full is in `scout.research.backtest`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from scout.research.books import COSTS
from scout.research.course import REASONS, STILL_OPEN
from scout.research.entries import CODES, ENTERED, HOLDING_CODES, NUMBER
from scout.research.replay import Replay
from trading.domain.denials import DenialCode
from trading.domain.safety import SafetyCode


class Verdict(StrEnum):
    """What a backtest says (specification §13), in the order in which it is asked."""

    INSUFFICIENT_TRADES = "INSUFFICIENT_TRADES"
    NO_LIQUIDITY_DATA = "NO_LIQUIDITY_DATA"
    LIQUIDITY = "LIQUIDITY"
    SLIPPAGE = "SLIPPAGE"
    TOO_MANY_REFUSED = "TOO_MANY_REFUSED"
    NEGATIVE_PNL = "NEGATIVE_PNL"
    PNL_REDUCTION = "PNL_REDUCTION"
    SCORE_TOO_LOW = "SCORE_TOO_LOW"
    PASSED = "PASSED"


LIQUIDITY_CODES: tuple[str, ...] = (
    SafetyCode.LIQUIDITY_UNKNOWN,
    SafetyCode.LIQUIDITY_TOO_LOW,
    DenialCode.SIZE_TOO_SMALL,
)
"""A size is too small only when the share of the pool's liquidity that we may take is."""
SLIPPAGE_CODES: tuple[str, ...] = (
    DenialCode.COST_TOO_HIGH,
    DenialCode.PRICE_IMPACT,
    DenialCode.PRICE_MOVED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a replay must reach. `minimum_score` None: no score is asked for."""

    minimum_trades: int = 5
    maximum_refused_bps: int = 5_000
    maximum_reduction_bps: int = 8_000
    minimum_score: float | None = None


def summary(
    replay: Replay,
    *,
    limits: Limits = Limits(),
    since: int | None = None,
    scores: pd.Series | None = None,
) -> pd.DataFrame:
    """One row for every wallet followed, indexed by address in sorted order; lamports are integers.

    Columns: buys (of the leader), repeated (while we held the token, in its cooldown, or held all we may),
    chances (the other buys), refused, one `refused_<CODE>` for each code that occurs, copies, open, wins,
    size_lamports, gross_lamports, the costs, pnl_lamports, verdict. Only what was bought at or after `since`
    counts. `scores` are by wallet; a wallet without one has not reached any.
    """
    attempts, copies = replay.attempts, replay.copies
    if since is not None:
        attempts, copies = attempts[attempts["at"] >= since], copies[copies["opened_at"] >= since]
    table = _counts(attempts, replay.wallets).join(_money(copies, replay.wallets))
    table = table.loc[replay.followed]
    score = None if scores is None else scores.reindex(table.index)
    return table.assign(verdict=_verdicts(table, limits=limits, score=score))


def _counts(attempts: pd.DataFrame, wallets: pd.Index) -> pd.DataFrame:
    counts = np.zeros((len(wallets), len(CODES)), dtype=np.int64)
    np.add.at(counts, (attempts["wallet"].to_numpy(), attempts["code"].to_numpy()), 1)
    by_code = pd.DataFrame(counts, index=pd.Index(wallets, name="wallet"), columns=list(CODES))
    repeated = by_code[list(HOLDING_CODES)].sum(axis=1)
    buys = by_code.sum(axis=1)
    chances = buys - repeated
    refused = by_code.drop(columns=[ENTERED, *HOLDING_CODES])
    return pd.DataFrame(
        {
            "buys": buys,
            "repeated": repeated,
            "chances": chances,
            "refused": refused.sum(axis=1),
            **{f"refused_{code}": refused[code] for code in refused},
            "copies": by_code[ENTERED],
        }
    )


def _money(copies: pd.DataFrame, wallets: pd.Index) -> pd.DataFrame:
    wallet = copies["wallet"].to_numpy()

    def total(values: pd.Series) -> pd.Series:
        sums = np.zeros(len(wallets), dtype=np.int64)
        np.add.at(sums, wallet, values.to_numpy(dtype=np.int64))
        return pd.Series(sums, index=wallets)

    costs = {f"{name}_lamports": total(copies[f"{name}_lamports"]) for name in COSTS}
    pnl = total(copies["pnl_lamports"])
    return pd.DataFrame(
        {
            "open": total(copies["reason"] == REASONS.index(STILL_OPEN)),
            "wins": total(copies["pnl_lamports"] > 0),
            "size_lamports": total(copies["size_lamports"]),
            "gross_lamports": pnl + sum(costs.values()),
            **costs,
            "pnl_lamports": pnl,
        }
    )


def _verdicts(table: pd.DataFrame, *, limits: Limits, score: pd.Series | None) -> np.ndarray:
    """The first reason that holds, in the order of `Verdict`."""
    refused = {code: table[f"refused_{code}"] for code in CODES if f"refused_{code}" in table}
    most = table["chances"] * limits.maximum_refused_bps / 10_000
    kept_bps = 10_000 - limits.maximum_reduction_bps
    least = limits.minimum_trades
    is_scored = limits.minimum_score is None or (
        pd.Series(False, table.index) if score is None else score >= limits.minimum_score
    )
    reasons = {
        Verdict.NO_LIQUIDITY_DATA: refused[SafetyCode.LIQUIDITY_UNKNOWN] > most,
        Verdict.LIQUIDITY: sum(refused[code] for code in LIQUIDITY_CODES) > most,
        Verdict.SLIPPAGE: sum(refused[code] for code in SLIPPAGE_CODES) > most,
        Verdict.TOO_MANY_REFUSED: table["refused"] > most,
        Verdict.NEGATIVE_PNL: table["pnl_lamports"] <= 0,
        Verdict.PNL_REDUCTION: table["pnl_lamports"] * 10_000 < table["gross_lamports"] * kept_bps,
        Verdict.SCORE_TOO_LOW: ~pd.Series(is_scored, table.index).astype(bool),
    }
    verdict = np.full(len(table), str(Verdict.PASSED), dtype=object)
    for code, holds in reversed(reasons.items()):
        verdict = np.where(holds, str(code), verdict)
        if code is Verdict.NEGATIVE_PNL:
            verdict = np.where(table["copies"] < least, str(Verdict.INSUFFICIENT_TRADES), verdict)
    return np.where(table["chances"] < least, str(Verdict.INSUFFICIENT_TRADES), verdict)


def refusals(row: pd.Series) -> dict[str, int]:
    """Of one wallet's row, how often each gate said no, most often first; gates that never did are left out."""
    counts = {code: int(row[f"refused_{code}"]) for code in NUMBER if f"refused_{code}" in row}
    named = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return {code: count for code, count in named if count}
