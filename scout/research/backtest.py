"""One wallet's backtest in full: the verdict, every trade with its reasons and costs, and the curve of its equity.

`replay` follows all wallets at once; `backtest_of` reads one of them out of it.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from scout.research.books import COSTS
from scout.research.course import REASONS
from scout.research.curve import Point, curve_of, drawdown_lamports
from scout.research.entries import CODES, ENTERED, NUMBER
from scout.research.replay import Replay
from scout.research.verdicts import Limits, Verdict, refusals, summary
from trading.domain.denials import SENTENCES
from trading.domain.values import lamports_to_sol

VERSION = 1
"""Of the rules and of the stored form; a stored backtest of another version is read, never compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One sale of a copy; the price is the pool's before it moved."""

    at: int
    reason: str
    tokens: float
    price_sol: float
    proceeds_lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copied trade: `signature` is the leader's, `costs` what lay between its prices and our PnL, in lamports.

    `reason` is that of the last sale, STILL_OPEN for what was only marked at the end. `ticks` is how many
    prices of the token are known from entry to end.
    """

    signature: str
    token: str
    symbol: str
    opened_at: int
    closed_at: int
    size_lamports: int
    tokens: float
    entry_price_sol: float
    reason: str
    pnl_lamports: int
    ticks: int
    costs: dict[str, int]
    sales: tuple[Sale, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A buy of the leader that we would not have copied; its exit is not copied either."""

    signature: str
    token: str
    symbol: str
    at: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How much of the market the history shows between entry and exit.

    `blind_copies` had no price at all between the two, so no stop of theirs could fire in between;
    `seconds_per_tick` is the median over copies of the time held for each price known.
    """

    ticks: int
    blind_copies: int
    seconds_per_tick: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What following this wallet would have made; money in lamports, moments in unix seconds.

    `chances` are the buys that we did not hold already; `refusals` count those among them that a gate
    refused. PnL = gross - costs, the sum of the copies' PnL, and the last point of the curve.
    """

    wallet: str
    verdict: Verdict
    text: str
    since: int | None
    until: int
    buys: int
    repeated: int
    chances: int
    refusals: dict[str, int]
    wins: int
    open_copies: int
    size_lamports: int
    gross_lamports: int
    costs: dict[str, int]
    pnl_lamports: int
    drawdown_lamports: int
    score: float | None
    resolution: Resolution
    curve: tuple[Point, ...]
    copies: tuple[Copy, ...]
    refused: tuple[Refusal, ...]
    setting: dict[str, Any]
    version: int = VERSION

    def as_json(self) -> dict[str, Any]:
        """Plain values for storing; the same backtest gives the same bytes."""
        return asdict(self)


def backtest_of(
    replay: Replay,
    trades: pd.DataFrame,
    *,
    wallet: str,
    limits: Limits = Limits(),
    since: int | None = None,
    score: float | None = None,
) -> Backtest:
    """One wallet out of a replay of these trades; LookupError when it was not followed there."""
    if wallet not in replay.followed:
        raise LookupError(f"{wallet} has no swap in this history")
    number = replay.wallets.get_loc(wallet)
    alone = _alone(replay, number, since=since)
    row = summary(
        alone, limits=limits, scores=None if score is None else pd.Series({wallet: score})
    ).loc[wallet]
    copies = _copies(alone, trades)
    points = curve_of([(each.closed_at, each.pnl_lamports) for each in copies])
    return Backtest(
        wallet=wallet,
        verdict=Verdict(row["verdict"]),
        text=sentence(row, limits=limits, score=score),
        since=since,
        until=replay.until,
        refusals=refusals(row),
        costs={name: int(row[f"{name}_lamports"]) for name in COSTS},
        open_copies=int(row["open"]),
        drawdown_lamports=drawdown_lamports(points),
        score=score,
        resolution=_resolution(alone.copies),
        curve=points,
        copies=copies,
        refused=_refused(alone, trades),
        setting=replay.setting.as_json(),
        **{name: int(row[name]) for name in ("buys", "repeated", "chances", "wins")},
        **{f"{name}_lamports": int(row[f"{name}_lamports"]) for name in ("size", "gross", "pnl")},
    )


def sentence(row: pd.Series, *, limits: Limits, score: float | None = None) -> str:
    """The verdict of one row of the summary for people, with the figures it rests on."""
    chances, refused = int(row["chances"]), int(row["refused"])
    share = f"{refused} of {chances} chances refused"
    worst = next(iter(refusals(row)), "")
    pnl = f"{lamports_to_sol(int(row['pnl_lamports'])):+.4f} SOL"
    gross = f"{lamports_to_sol(int(row['gross_lamports'])):+.4f} SOL"
    match Verdict(row["verdict"]):
        case Verdict.INSUFFICIENT_TRADES:
            copies = int(row["copies"])
            return f"{copies} copies of {chances} chances: at least {limits.minimum_trades} are asked for"
        case Verdict.NO_LIQUIDITY_DATA:
            return f"{share}: the liquidity or SOL's price at the time is not known"
        case Verdict.LIQUIDITY | Verdict.SLIPPAGE | Verdict.TOO_MANY_REFUSED:
            return f"{share}, most of them {worst}: {SENTENCES.get(worst, '')}".rstrip(": ")
        case Verdict.NEGATIVE_PNL:
            return f"{pnl} over {int(row['copies'])} copies; {gross} before costs and delay"
        case Verdict.PNL_REDUCTION:
            return f"costs and delay leave {pnl} of {gross}"
        case Verdict.SCORE_TOO_LOW:
            return (
                f"score {'unknown' if score is None else score}, asked for {limits.minimum_score}"
            )
        case Verdict.PASSED:
            return f"{pnl} over {int(row['copies'])} copies, {int(row['wins'])} of them won; {gross} before costs"


def _alone(replay: Replay, number: int, *, since: int | None) -> Replay:
    """What the replay says of one wallet, from a moment on."""
    attempts, copies = (
        rows.iloc[slice(*np.searchsorted(rows["wallet"].to_numpy(), [number, number + 1]))]
        for rows in (replay.attempts, replay.copies)
    )
    if since is not None:
        attempts, copies = attempts[attempts["at"] >= since], copies[copies["opened_at"] >= since]
    return replace(
        replay,
        attempts=attempts.sort_values(["at", "row"], kind="stable").assign(wallet=0),
        copies=copies.sort_values(["opened_at", "row"], kind="stable").assign(wallet=0),
        sales=_sales_of(copies, replay.sales),
        wallets=replay.wallets[number : number + 1],
        followed=replay.wallets[number : number + 1],
    )


def _sales_of(copies: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """The sales of copies that lie side by side, both being in the order of their attempts."""
    if copies.empty:
        return sales.iloc[:0]
    first, last = copies.index[0], copies.index[-1]
    near = sales.iloc[slice(*np.searchsorted(sales["copy"].to_numpy(), [first, last + 1]))]
    return near[near["copy"].isin(copies.index)]


def _copies(replay: Replay, trades: pd.DataFrame) -> tuple[Copy, ...]:
    sales: dict[int, list[Sale]] = {}
    for row in replay.sales.to_dict("records"):
        sale = Sale(
            at=row["at"],
            reason=str(REASONS[row["reason"]]),
            tokens=row["tokens"],
            price_sol=row["price_sol"],
            proceeds_lamports=row["proceeds_lamports"],
        )
        sales.setdefault(row["copy"], []).append(sale)
    names = _names(replay.copies, replay, trades)
    rows = replay.copies.drop(columns=["wallet", "token", "row"]).to_dict("index")
    return tuple(
        _copy(row, name, tuple(sales[place]))
        for (place, row), name in zip(rows.items(), names, strict=True)
    )


def _copy(row: dict[str, Any], name: dict[str, Any], sales: tuple[Sale, ...]) -> Copy:
    costs = {each: row.pop(f"{each}_lamports") for each in COSTS}
    reason = str(REASONS[row.pop("reason")])
    return Copy(**name, **row, reason=reason, costs=costs, sales=sales)


def _refused(replay: Replay, trades: pd.DataFrame) -> tuple[Refusal, ...]:
    attempts = replay.attempts[replay.attempts["code"] != NUMBER[ENTERED]]
    names = _names(attempts, replay, trades)
    columns = zip(names, attempts["at"].tolist(), attempts["code"].tolist(), strict=True)
    return tuple(Refusal(**name, at=at, code=str(CODES[code])) for name, at, code in columns)


def _names(rows: pd.DataFrame, replay: Replay, trades: pd.DataFrame) -> list[dict[str, str]]:
    """Signature, token and symbol of rows that know their place in the trades."""
    places = rows["row"].to_numpy()
    tokens = replay.tokens[rows["token"].to_numpy()].tolist()
    columns = [
        trades[name].iloc[places].astype(str).tolist() if name in trades else [""] * len(places)
        for name in ("tx_sig", "symbol")
    ]
    return [
        {"signature": signature, "symbol": symbol, "token": str(token)}
        for signature, symbol, token in zip(*columns, tokens, strict=True)
    ]


def _resolution(copies: pd.DataFrame) -> Resolution:
    if copies.empty:
        return Resolution(ticks=0, blind_copies=0, seconds_per_tick=None)
    ticks = copies["ticks"].to_numpy()
    held = (copies["closed_at"] - copies["opened_at"]).to_numpy()
    return Resolution(
        ticks=int(ticks.sum()),
        blind_copies=int((ticks <= 1).sum()),
        seconds_per_tick=int(np.median(held / np.maximum(ticks, 1))),
    )
