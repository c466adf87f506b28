"""What a leader's swap asks of us: which legs are signals, worth what, and which come too late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any

from trading.domain.policy import Policy
from trading.domain.programs import STABLE_MINTS
from trading.domain.signals import SMALLEST_FRACTION
from trading.domain.swaps import (
    Direction,
    Leg,
    ParsedTransaction,
    TransactionUnreadable,
    read_balance_change,
)
from trading.domain.values import LAMPORTS_PER_SOL, USDC_MINT, USDT_MINT, WSOL_MINT, Action

MONEY = STABLE_MINTS | {WSOL_MINT}


class Untraded(StrEnum):
    """Why a leader's trade was recorded and became no signal; gates and refusals have codes of their own."""

    NOT_A_SWAP = "NOT_A_SWAP"
    MONEY_ONLY = "MONEY_ONLY"
    LATE = "LATE"
    LEFT = "LEFT"
    VALUE_UNKNOWN = "VALUE_UNKNOWN"


SENTENCES: dict[str, str] = {
    Untraded.NOT_A_SWAP: "Not a swap of this wallet",
    Untraded.MONEY_ONLY: "SOL and stable coins only: no token was traded",
    Untraded.LATE: "Heard of too late to be bought",
    Untraded.LEFT: "The leader has sold of it since",
    Untraded.VALUE_UNKNOWN: "Paid in another token whose value in SOL nobody could tell",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLeg:
    """One token that a leader bought or sold; `amount_raw` is a magnitude.

    `value_lamports` is what was paid or got for it in SOL, None where nobody can tell. `exit_fraction` is the
    share of the leader's holding that a SELL sold: 1 for a BUY, and where the holding is not known.
    """

    action: Action
    mint: str
    amount_raw: int
    decimals: int
    value_lamports: int | None
    exit_fraction: Decimal = Decimal(1)


def trade_legs(
    parsed: ParsedTransaction, *, sol_price_usd: Decimal | None, shares: Mapping[str, Decimal]
) -> tuple[TradeLeg, ...]:
    """The tokens of a swap, what was sold first; none when only SOL and stable coins changed hands.

    `shares` has, by mint, how much of its holding the leader sold. Of two tokens exchanged for each other
    neither has a value.
    """
    if parsed.direction is Direction.NONE:
        return ()
    money = next((leg for leg in parsed.legs if leg.mint in MONEY), None)
    value = None if money is None else _in_lamports(money, sol_price_usd)
    tokens = [leg for leg in parsed.legs if leg.mint not in MONEY]
    return tuple(
        TradeLeg(
            action=Action.BUY if leg.delta_raw > 0 else Action.SELL,
            mint=leg.mint,
            amount_raw=abs(leg.delta_raw),
            decimals=leg.decimals,
            value_lamports=value,
            exit_fraction=shares.get(leg.mint, Decimal(1)) if leg.delta_raw < 0 else Decimal(1),
        )
        for leg in sorted(tokens, key=lambda leg: leg.delta_raw > 0)
    )


def _in_lamports(money: Leg, sol_price_usd: Decimal | None) -> int | None:
    """What an amount of SOL, USDC or USDT is in lamports; a dollar of either is a dollar, of others who knows."""
    if money.mint == WSOL_MINT:
        return abs(money.delta_raw)
    if not sol_price_usd or money.mint not in (USDC_MINT, USDT_MINT):
        return None
    dollars = Decimal(abs(money.delta_raw)).scaleb(-money.decimals)
    return int(dollars / sol_price_usd * LAMPORTS_PER_SOL)


def sold_mints(parsed: ParsedTransaction) -> list[str]:
    """The tokens that a swap gave away."""
    if not parsed.is_swap:
        return []
    return [leg.mint for leg in parsed.legs if leg.delta_raw < 0 and leg.mint not in MONEY]


def shares_sold(transaction: Mapping[str, Any], parsed: ParsedTransaction) -> dict[str, Decimal]:
    """By mint, which share of what the wallet held it gave away; empty for a form that shows no holdings.

    The holding is that of the token accounts in the transaction: nearly always the wallet's only one.
    """
    if "meta" not in transaction:
        return {}
    found = {}
    for mint in sold_mints(parsed):
        share = _share(transaction, parsed.wallet, mint)
        if share is not None:
            found[mint] = share
    return found


def _share(transaction: Mapping[str, Any], wallet: str, mint: str) -> Decimal | None:
    try:
        change = read_balance_change(
            transaction, wallet=wallet, mint=mint, tip_accounts=frozenset()
        )
    except TransactionUnreadable:
        return None
    if change.token_left_raw is None or change.token_raw >= 0:
        return None
    share = Decimal(-change.token_raw) / (change.token_left_raw - change.token_raw)
    return max(SMALLEST_FRACTION, share.quantize(SMALLEST_FRACTION, rounding=ROUND_DOWN))


def is_late(*, age: timedelta, strategy: str, policy: Policy) -> bool:
    """Whether a leader's buy is older than the policy buys a signal of this strategy."""
    return age > timedelta(seconds=policy.for_strategy(strategy).maximum_signal_age_seconds)


def age_of(*, traded_at: datetime | None, heard_at: datetime, now: datetime) -> timedelta:
    """Since the block's time; since we heard of it where no block's time is known."""
    return now - (heard_at if traded_at is None else min(traded_at, heard_at))
