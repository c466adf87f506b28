"""The verb that takes over wallets' swaps from a file: nothing twice, nothing without saying so."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pandas as pd
from django.db import transaction

from audit import services as audit
from scout.archive import Side, Swap
from scout.models import Source
from scout.research.blocks import UnreadableTrades
from scout.research.facts import Facts
from scout.research.replay import with_births
from scout.services.queue import Find, enqueue
from trading.domain.values import LAMPORTS_PER_SOL
from trading.models import LiquiditySample

BATCH = 2_000
LONGEST_ADDRESS, LONGEST_SIGNATURE = 44, 88
SIGNIFICANT_DIGITS = 17
"""Of a token amount that is told as a float: so many raw units hold all it says, within 64 bits."""
MOST_DECIMALS = 18
SOURCE = "import"
SHOWN = 5

Progress = Callable[[int, int], None]
"""Told (swaps looked at, swaps in all) after every batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of the swaps of a file; `vanished` are transactions that left nothing of the token, or
    less than a lamport.
    """

    swaps: int
    new: int
    known: int
    vanished: int
    wallets: int
    queued: int
    samples: int


def store_trades(
    trades: pd.DataFrame,
    *,
    facts: Facts,
    origin: str,
    actor: str,
    now: datetime,
    progress: Progress = lambda done, all_: None,
) -> Imported:
    """Store a frame of trades (with signatures) and what is told beside it; again, it changes nothing.

    A batch is a transaction, so that a reader that was killed leaves whole batches and can be run again.
    What was bought and sold in one transaction is stored by what changed, as a reader of the chain has it.
    Wallets join the queue of candidates, their funders with them. UnreadableTrades names values too long
    to be an address or a signature.
    """
    _refuse_what_does_not_fit(trades)
    netted = net_of_transactions(with_births(trades, facts))
    new = done = 0
    for start in range(0, len(netted), BATCH):
        rows = [_swap(row) for row in netted.iloc[start : start + BATCH].to_dict("records")]
        new += _store([row for row in rows if row.sol_lamports and row.token_raw])
        done += sum(bool(row.sol_lamports and row.token_raw) for row in rows)
        progress(min(start + BATCH, len(netted)), len(netted))
    result = Imported(
        swaps=len(trades),
        new=new,
        known=done - new,
        vanished=len(trades.groupby(["wallet", "tx_sig", "token"], observed=True)) - done,
        wallets=trades["wallet"].nunique(),
        queued=enqueue(_finds(trades, facts), now=now),
        samples=_store_samples(trades, facts),
    )
    with transaction.atomic():
        audit.record(
            actor=actor, action="history.imported", target=origin, now=now,
            after={"new": new, "known": result.known, "wallets": result.wallets},
        )  # fmt: skip
    return result


def net_of_transactions(trades: pd.DataFrame) -> pd.DataFrame:
    """One row for each wallet, transaction and token: what the wallet had more and less of in the end.

    Where a token was both bought and sold, the difference; nothing where no token changed hands in the end
    or both tokens and SOL were gained.
    """
    key = ["wallet", "tx_sig", "token"]
    is_twice = trades.duplicated(key, keep=False)
    if not is_twice.any():
        return trades
    pairs = trades[is_twice].sort_values([*key, "is_buy"], ascending=[True, True, True, False])
    sign = pairs["is_buy"].map({True: 1.0, False: -1.0})
    signed = pairs.assign(
        sol_amount=pairs["sol_amount"] * sign, token_amount=pairs["token_amount"] * sign
    )
    sums = signed.groupby(key, observed=True, sort=False)[["sol_amount", "token_amount"]].sum()
    first = pairs.drop_duplicates(key).set_index(key)
    largest = pairs.groupby(key, observed=True, sort=False)["token_amount"].max()
    first = first.assign(
        is_buy=sums["token_amount"] > 0,
        sol_amount=sums["sol_amount"].abs(),
        token_amount=sums["token_amount"].abs(),
    )
    is_swap = (sums["token_amount"].abs() > 1e-9 * largest) & (
        (sums["token_amount"] > 0) == (sums["sol_amount"] > 0)
    )
    netted = first[is_swap].reset_index()[list(trades.columns)]
    return pd.concat([trades[~is_twice], netted], ignore_index=True)


def _refuse_what_does_not_fit(trades: pd.DataFrame) -> None:
    limits = {"wallet": LONGEST_ADDRESS, "token": LONGEST_ADDRESS, "tx_sig": LONGEST_SIGNATURE}
    for name, most in limits.items():
        values = pd.Series(trades[name].unique()).astype(str)
        if not (long := sorted(values[values.str.len() > most])):
            continue
        shown = ", ".join(repr(each) for each in long[:SHOWN])
        raise UnreadableTrades(
            f"{name}: {len(long)} of them are longer than {most} characters, so nothing is stored: {shown}"
        )


def _store(rows: list[Swap]) -> int:
    """How many of them were not there yet."""
    with transaction.atomic():
        known = set(
            Swap.objects.filter(signature__in={row.signature for row in rows}).values_list(
                "address", "signature", "mint"
            )
        )
        fresh = [row for row in rows if (row.address, row.signature, row.mint) not in known]
        Swap.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def _swap(row: dict[str, Any]) -> Swap:
    """A row; whether a tip was paid is told without its amount, so none is stored."""
    amount = float(row["token_amount"])
    whole_digits = math.floor(math.log10(amount)) + 1 if amount > 0 else 0
    decimals = min(max(SIGNIFICANT_DIGITS - whole_digits, 0), MOST_DECIMALS)
    return Swap(
        address=str(row["wallet"]),
        signature=str(row["tx_sig"]),
        slot=0,
        at=datetime.fromtimestamp(int(row["ts"]), UTC),
        mint=str(row["token"]),
        symbol=_text(row["symbol"])[:40],
        side=Side.BUY if row["is_buy"] else Side.SELL,
        sol_lamports=round(Decimal(float(row["sol_amount"])) * LAMPORTS_PER_SOL),
        token_raw=round(Decimal(amount).scaleb(decimals)),
        decimals=decimals,
        dex=_text(row["dex"])[:60],
        liquidity_usd=_decimal(row["liquidity_usd"], places=6),
        volume_24h_usd=_decimal(row["volume_24h_usd"], places=6),
        token_created_at=_moment(row["token_created_ts"]),
        sol_price_usd=_decimal(row["sol_price_usd"], places=8),
        price_after_sol=_decimal(row["price_after_sol"], places=18),
    )


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _decimal(value: Any, *, places: int) -> Decimal | None:
    """The figure as it was written, if it is one that the column can hold."""
    if not math.isfinite(value) or abs(value) >= 10**12:
        return None
    quantum = Decimal(1).scaleb(-places)
    return Decimal(repr(float(value))).quantize(quantum, rounding=ROUND_HALF_EVEN)


def _moment(value: Any) -> datetime | None:
    return datetime.fromtimestamp(float(value), UTC) if math.isfinite(value) else None


def _store_samples(trades: pd.DataFrame, facts: Facts) -> int:
    """What tokens.csv tells of tokens at its moment, as a sample of each; how many tokens it told of."""
    if facts.as_of is None:
        return 0
    at, traded = datetime.fromtimestamp(facts.as_of, UTC), set(trades["token"].astype(str))
    told = facts.tokens[facts.tokens.index.isin(traded)]
    samples = [
        LiquiditySample(
            mint=str(mint),
            at=at,
            source=SOURCE,
            liquidity_usd=_decimal(row["liquidity_usd"], places=6),
            price_sol=_decimal(row["price_sol"], places=18),
            token_created_at=_moment(row["created_ts"]),
        )
        for mint, row in told.iterrows()
    ]
    LiquiditySample.objects.bulk_create(samples, batch_size=BATCH, ignore_conflicts=True)
    return len(samples)


def _finds(trades: pd.DataFrame, facts: Facts) -> Iterator[Find]:
    """Every wallet of the file, with what wallets.csv tells of it."""
    counts = trades["wallet"].astype(str).value_counts().sort_index()
    told = facts.wallets.reindex(counts.index)
    for wallet, count in counts.items():
        funder, created = told.loc[wallet, "funder"], told.loc[wallet, "created_ts"]
        evidence: dict[str, Any] = {"swaps": int(count)}
        evidence |= {"funder": funder} if isinstance(funder, str) and funder else {}
        evidence |= {"created_ts": int(created)} if math.isfinite(created) else {}
        yield Find(address=str(wallet), source=Source.IMPORT, evidence=evidence)
