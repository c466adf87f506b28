"""The leader's own side of a signal: what it paid in the named transaction, and whether it could sell again."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from solders.pubkey import Pubkey
from spl.token.instructions import get_associated_token_address

from trading.domain.decision import LeaderFill
from trading.domain.holders import parse_token_account
from trading.domain.signals import SignalRequest
from trading.domain.swaps import TransactionUnreadable, read_balance_change
from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, USDC_MINT, USDT_MINT
from trading.facts.shelf import ask_by
from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.connect import Gateways
from trading.gateways.jito import TIP_ACCOUNTS

PROGRAMS = tuple(Pubkey.from_string(each) for each in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM))


class _NotYetThere(Unavailable):
    """The node does not know the transaction, which it may in a moment."""


async def leader_fill(
    gateways: Gateways, request: SignalRequest, *, is_needed: bool, until: float
) -> LeaderFill:
    """What the leader's transaction says, by that moment of the loop's clock; never an error.

    A transaction that the node does not know is waited for only when it `is_needed`. `is_frozen` is the
    state of the leader's own account of the mint, asked whether or not a transaction was named.
    """
    frozen = _is_frozen(gateways, request, until=until)
    if not request.source_signature:
        return LeaderFill(unknown="the signal names no transaction", is_frozen=await frozen)
    fill, is_frozen = await asyncio.gather(
        _price(gateways, request, is_needed=is_needed, until=until), frozen
    )
    return replace(fill, is_frozen=is_frozen)


async def _price(
    gateways: Gateways, request: SignalRequest, *, is_needed: bool, until: float
) -> LeaderFill:
    async def ask() -> dict[str, Any] | None:
        found = await gateways.rpc.transaction(request.source_signature)
        if found is None and is_needed:
            raise _NotYetThere("not known to the node")
        return found

    answer = await ask_by(ask, until=until)
    if answer is None or isinstance(answer, _NotYetThere):
        return LeaderFill(unknown="the chain does not know the transaction")
    if isinstance(answer, GatewayError):
        return LeaderFill(unknown="the chain did not answer")
    return read_fill(answer, leader=request.leader_address, mint=request.mint)


def read_fill(transaction: dict[str, Any], *, leader: str, mint: str) -> LeaderFill:
    """Lamports the leader paid for one raw unit, from the balance changes of its own transaction."""
    try:
        change, *stables = (
            read_balance_change(transaction, wallet=leader, mint=each, tip_accounts=TIP_ACCOUNTS)
            for each in (mint, USDC_MINT, USDT_MINT)
        )
    except TransactionUnreadable:
        return LeaderFill(unknown="not a transaction of the leader")
    if change.error:
        return LeaderFill(unknown="the leader's transaction failed")
    if change.token_raw <= 0 or change.sol_lamports >= 0 or any(e.token_raw for e in stables):
        return LeaderFill(unknown="not a purchase for SOL")
    return LeaderFill(lamports_per_raw=Decimal(-change.sol_lamports) / change.token_raw)


async def _is_frozen(gateways: Gateways, request: SignalRequest, *, until: float) -> bool:
    leader, mint = Pubkey.from_string(request.leader_address), Pubkey.from_string(request.mint)
    accounts = [str(get_associated_token_address(leader, mint, each)) for each in PROGRAMS]
    found = await ask_by(lambda: gateways.rpc.accounts(accounts), until=until)
    if isinstance(found, GatewayError):
        return False
    read = (parse_token_account(each.data, program=each.owner) for each in found if each)
    return any(account is not None and account.is_frozen for account in read)
