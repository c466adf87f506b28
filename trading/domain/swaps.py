"""The only reader of transactions: what one transaction changed for one wallet, and whether that was a swap."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from trading.domain.decoding import Move
from trading.domain.enhanced import is_enhanced, read_enhanced
from trading.domain.flows import Flows, read_flows
from trading.domain.kinds import Kind, Verdict, classify
from trading.domain.programs import STABLE_MINTS, router_label, venue_labels
from trading.domain.readings import UNREADABLE, TransactionUnreadable
from trading.domain.transactions import Transaction, read_transaction, with_steps
from trading.domain.values import USDC_MINT, WSOL_MINT

__all__ = [
    "BalanceChange",
    "Direction",
    "Kind",
    "Leg",
    "ParsedTransaction",
    "TransactionUnreadable",
    "parse_swap",
    "read_balance_change",
]

SOL_DECIMALS = 9


class Direction(StrEnum):
    """Side of the wallet's trade: BUY and SELL are against SOL or USDC, SWAP is any other pair of assets."""

    BUY = "BUY"
    SELL = "SELL"
    SWAP = "SWAP"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The wallet's change of one asset, raw; SOL and wrapped SOL together, under the mint of wrapped SOL."""

    mint: str
    delta_raw: int
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTransaction:
    """What a transaction was for `wallet`; changes as the wallet sees them, the costs as magnitudes.

    A swap has two legs, what was given first. Its base is the SOL, else the USDC leg (empty mint and None when
    neither is one), after neutralising fee, tip, plain payments out and rent; its token is the other leg, and
    of two legs that are no base the one got. Of what is no swap `legs` tells every change, and `direction` is
    NONE. `error` is the chain's own, None for a transaction that succeeded. `slot` and `block_time` (unix
    seconds) are None where the form has none.
    """

    signature: str
    wallet: str
    direction: Direction
    kind: Kind
    base_mint: str
    base_delta_raw: int | None
    token_mint: str
    token_delta_raw: int | None
    token_decimals: int | None
    legs: tuple[Leg, ...]
    network_fee_lamports: int
    jito_tip_lamports: int
    other_out_lamports: int
    rent_paid_lamports: int
    rent_refunded_lamports: int
    venues: tuple[str, ...]
    router: str
    slot: int | None
    block_time: int | None
    error: Any

    @property
    def is_swap(self) -> bool:
        return self.direction is not Direction.NONE


def parse_swap(
    transaction: Mapping[str, Any], *, wallet: str | None = None, tip_accounts: Collection[str]
) -> ParsedTransaction:
    """What `wallet` (default: who paid the fee) swapped in a `getTransaction` result or a Helius enhanced object.

    Both forms are told apart by shape. TransactionUnreadable, and nothing else, when it is neither, when a field
    is not what it must be, or when the wallet is not in it.
    """
    try:
        return _parse(transaction, wallet, frozenset(tip_accounts))
    except TransactionUnreadable:
        raise
    except UNREADABLE as error:
        raise TransactionUnreadable(f"not a readable transaction: {error!r}") from error


def _parse(
    reply: Mapping[str, Any], wallet: str | None, tip_accounts: frozenset[str]
) -> ParsedTransaction:
    if is_enhanced(reply):
        transaction = read_enhanced(reply)
    else:
        transaction = with_steps(read_transaction(reply), reply)
    transaction = replace(
        transaction, has_steps=transaction.has_steps and _shows_moves(transaction)
    )
    wallet = wallet or transaction.payer
    _require(transaction, wallet)
    effective = transaction
    if transaction.error is not None:  # its instructions were undone: only the fee is true
        effective = replace(transaction, steps=())
    flows = read_flows(effective, wallet=wallet, tip_accounts=tip_accounts)
    return _result(transaction, flows, classify(transaction, flows, wallet=wallet), wallet)


def _shows_moves(transaction: Transaction) -> bool:
    """Whether tokens that changed hands did so by instructions that are shown: some nodes keep no inner ones."""
    if not any(each.change for each in transaction.tokens):
        return True
    return any(each.move in (Move.TRANSFER, Move.MINT, Move.BURN) for each in transaction.steps)


def _require(transaction: Transaction, wallet: str) -> None:
    if wallet not in transaction.lamports and not transaction.owned(wallet):
        raise TransactionUnreadable(f"wallet {wallet} is not in the transaction")


def _result(
    transaction: Transaction, flows: Flows, verdict: Verdict, wallet: str
) -> ParsedTransaction:
    programs = tuple(each.program for each in transaction.steps if each.move is Move.CALL)
    legs = _legs(flows)
    if verdict.is_swap:
        chosen = {each.mint: each for each in legs}
        legs = (chosen[verdict.given], chosen[verdict.got])
    base, token = _base_and_token(legs) if verdict.is_swap else (None, None)
    return ParsedTransaction(
        signature=transaction.signature,
        wallet=wallet,
        direction=_direction(legs) if verdict.is_swap else Direction.NONE,
        kind=verdict.kind,
        base_mint=base.mint if base else "",
        base_delta_raw=base.delta_raw if base else None,
        token_mint=token.mint if token else "",
        token_delta_raw=token.delta_raw if token else None,
        token_decimals=token.decimals if token else None,
        legs=legs,
        network_fee_lamports=flows.network_fee_lamports,
        jito_tip_lamports=flows.tip_lamports,
        other_out_lamports=flows.other_out_lamports,
        rent_paid_lamports=flows.rent_paid_lamports,
        rent_refunded_lamports=flows.rent_refunded_lamports,
        venues=venue_labels(programs) or transaction.venues,
        router=router_label(programs),
        slot=transaction.slot,
        block_time=transaction.block_time,
        error=transaction.error,
    )


def _legs(flows: Flows) -> tuple[Leg, ...]:
    """Every asset that changed, losses first."""
    changes = {WSOL_MINT: flows.sol_lamports} | flows.tokens
    found = [
        Leg(mint=mint, delta_raw=change, decimals=flows.decimals.get(mint, SOL_DECIMALS))
        for mint, change in changes.items()
        if change
    ]
    return tuple(sorted(found, key=lambda leg: leg.delta_raw > 0))


def _base_and_token(legs: tuple[Leg, ...]) -> tuple[Leg | None, Leg]:
    given, got = legs
    for base in (WSOL_MINT, USDC_MINT):
        if given.mint == base:
            return given, got
        if got.mint == base:
            return got, given
    return None, got


def _direction(legs: tuple[Leg, ...]) -> Direction:
    base, token = _base_and_token(legs)
    if base is None or token.mint in STABLE_MINTS:
        return Direction.SWAP
    return Direction.BUY if token.delta_raw > 0 else Direction.SELL


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """What a landed transaction did to one wallet; all lamports, signs as the wallet sees them.

    `native_lamports` is everything together. `sol_lamports` is the swap's own SOL leg: without network
    fee, tip, and rent, wrapped SOL included. `token_raw` is the change of the asked mint over all the
    wallet's accounts, `token_left_raw` what they hold of it afterwards (None: not
    known), `rent_lamports` what its token accounts locked (+) or gave back (-).
    `token_account` is the wallet's account of that mint, empty when the transaction touched none.
    `error` is the chain's own, empty for a transaction that succeeded.
    """

    native_lamports: int
    sol_lamports: int
    token_raw: int
    token_account: str
    decimals: int
    network_fee_lamports: int
    tip_lamports: int
    rent_lamports: int
    error: str
    slot: int
    block_time: datetime | None
    token_left_raw: int | None = None


def read_balance_change(
    transaction: Mapping[str, Any], *, wallet: str, mint: str, tip_accounts: Collection[str]
) -> BalanceChange:
    """The change of `wallet` in a `getTransaction` result, from balances alone: for transactions of our making.

    Identity: native = sol − fee − tip − rent, for a wallet that pays the fee. TransactionUnreadable when
    the shape is not a transaction's or the wallet is not in it.
    """
    try:
        return _balance_change(read_transaction(transaction), wallet, mint, tip_accounts)
    except TransactionUnreadable:
        raise
    except UNREADABLE as error:
        raise TransactionUnreadable(f"not a readable transaction: {error!r}") from error


def _balance_change(
    transaction: Transaction, wallet: str, mint: str, tip_accounts: Collection[str]
) -> BalanceChange:
    if wallet not in transaction.lamports:
        raise TransactionUnreadable(f"wallet {wallet} is not in the transaction")
    if transaction.slot is None:
        raise TransactionUnreadable("slot is missing")
    flows = read_flows(
        replace(transaction, has_steps=False), wallet=wallet, tip_accounts=tip_accounts
    )
    held = [each for each in transaction.owned(wallet) if each.mint == mint]
    kept = [each for each in held if each.after is not None] or held
    when = transaction.block_time
    return BalanceChange(
        native_lamports=transaction.lamports[wallet],
        sol_lamports=flows.sol_lamports,
        token_raw=sum(each.change for each in held),
        token_account=kept[0].account if kept else "",
        decimals=kept[0].decimals if kept else 0,
        network_fee_lamports=flows.network_fee_lamports,
        tip_lamports=flows.tip_lamports,
        rent_lamports=flows.rent_paid_lamports - flows.rent_refunded_lamports,
        error="" if transaction.error is None else json.dumps(transaction.error),
        slot=transaction.slot,
        block_time=None if when is None else datetime.fromtimestamp(when, UTC),
        token_left_raw=sum(each.after or 0 for each in held),
    )
