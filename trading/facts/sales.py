"""Selling before buying: our buy and the sale of what it gives, run against the chain without being sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from solders.pubkey import Pubkey
from spl.token.instructions import get_associated_token_address

from trading.domain.holders import parse_token_account
from trading.domain.policy import Policy
from trading.domain.safety import SaleFacts, sale_gates
from trading.domain.values import WSOL_MINT
from trading.facts.shelf import MARKET_LIFETIME, REFUSAL_LIFETIME, Shelf
from trading.gateways.base import GatewayError, InvalidReply
from trading.gateways.chain_facts import Simulation
from trading.gateways.connect import Gateways
from trading.gateways.jupiter import NoRoute, Quote
from trading.gateways.lookup_tables import LookupTables
from trading.gateways.transactions import (
    SwapInstructions,
    UnableToAssemble,
    round_trip,
    unsigned,
)

COMPUTE_UNIT_LIMIT = 1_400_000
SALE_SLIPPAGE_BPS = 9_000
STALE_QUOTE = {"Custom": 6001}
BUDGET_STEPS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What the simulation said; `buying` are the instructions fetched for exactly this `quote`.

    `replaces` is the quote that went stale on the way, where there was one.
    """

    sale: SaleFacts
    quote: Quote | None = None
    replaces: Quote | None = None
    buying: SwapInstructions | None = None


class _QuoteStale(Exception):
    """The price left the quote's tolerance between the quote and the simulation."""


class SaleDesk:
    """Rehearsed sales by mint and magnitude: trusted for a minute, a failed one for ten.

    One question per mint and magnitude is under way at a time. What could not be simulated is not kept.
    """

    def __init__(
        self,
        gateways: Gateways,
        *,
        owner: Pubkey,
        tables: LookupTables,
        clock: Callable[[], datetime],
    ) -> None:
        self._gateways, self._tables = gateways, tables
        self._owner = owner
        self._proceeds = get_associated_token_address(owner, Pubkey.from_string(WSOL_MINT))
        self._shelf: Shelf[Rehearsal] = Shelf(clock=clock)

    async def rehearse(self, quote: Quote, *, policy: Policy, until: float) -> Rehearsal:
        """Whether what this quote buys could be sold again, by that moment of the loop's clock.

        Buys of one magnitude (up to twice as large) share an answer: how far size moves the price is
        judged by the quote's own impact.
        """
        answer = await self._shelf.get(
            f"{quote.output_mint}/{quote.in_amount_raw.bit_length()}",
            lambda: self._ask(quote),
            lifetime=lambda rehearsal: _lifetime(rehearsal.sale, policy),
            until=until,
        )
        if isinstance(answer, GatewayError):
            sale = SaleFacts(spent_lamports=quote.in_amount_raw, unavailable="sell simulation")
            return Rehearsal(sale=sale)
        return answer

    async def _ask(self, quote: Quote) -> Rehearsal:
        """A quote that went stale on the way is asked for once more; twice means that nobody can meet it."""
        try:
            return await self._simulate(quote)
        except _QuoteStale:
            fresh = await self._gateways.jupiter.quote(
                input_mint=quote.input_mint,
                output_mint=quote.output_mint,
                amount_raw=quote.in_amount_raw,
                slippage_bps=quote.slippage_bps,
            )
        try:
            return replace(await self._simulate(fresh), replaces=quote)
        except _QuoteStale:
            problem = "buying never gives what is quoted"
            return Rehearsal(sale=SaleFacts(spent_lamports=quote.in_amount_raw, problem=problem))

    async def _simulate(self, quote: Quote) -> Rehearsal:
        spent = quote.in_amount_raw
        try:
            buying, selling = await asyncio.gather(
                self._instructions(quote), self._sale_instructions(quote)
            )
        except NoRoute:
            problem = "no route back to SOL"
            return Rehearsal(sale=SaleFacts(spent_lamports=spent, problem=problem))
        both = round_trip(buying, selling)
        tables = await self._tables.fetch(both.lookup_table_addresses)
        try:
            # Unwrapping is left out: the proceeds then stand in an account that began empty.
            wire = unsigned(
                instructions=replace(both, cleanup=()),
                payer_pubkey=self._owner,
                compute_unit_limit=COMPUTE_UNIT_LIMIT,
                lookup_tables=tables,
            )
        except UnableToAssemble as error:
            sale = SaleFacts(spent_lamports=spent, unavailable=f"sell simulation: {error}")
            return Rehearsal(sale=sale)
        simulation = await self._gateways.rpc.simulate_transaction(
            wire, accounts=[str(self._proceeds)]
        )
        sale = read_simulation(
            simulation, spent_lamports=spent, bought_at=BUDGET_STEPS + len(buying.setup)
        )
        return Rehearsal(sale=sale, quote=quote, buying=buying)

    async def _instructions(self, quote: Quote) -> SwapInstructions:
        return await self._gateways.jupiter.swap_instructions(quote, owner=str(self._owner))

    async def _sale_instructions(self, quote: Quote) -> SwapInstructions:
        """For the least that the buy gives: more than that may not be there to sell."""
        sale = await self._gateways.jupiter.quote(
            input_mint=quote.output_mint,
            output_mint=quote.input_mint,
            amount_raw=quote.minimum_out_raw,
            slippage_bps=SALE_SLIPPAGE_BPS,
        )
        return await self._instructions(sale)


def _lifetime(sale: SaleFacts, policy: Policy) -> timedelta:
    if sale.unavailable:
        return timedelta()
    is_fine = all(gate.is_passed for gate in sale_gates(sale, policy))
    return MARKET_LIFETIME if is_fine else REFUSAL_LIFETIME


def read_simulation(simulation: Simulation, *, spent_lamports: int, bought_at: int) -> SaleFacts:
    """What the run says of the token; `bought_at` is the instruction that buys.

    What fails before it lies with our own wallet. _QuoteStale when only the quote was too old.
    """
    if simulation.err is not None:
        return _read_failure(simulation.err, spent_lamports, bought_at)
    [stored] = simulation.accounts
    account = None
    if stored is not None:
        account = parse_token_account(stored.data, program=stored.owner)
    if account is None or account.mint != WSOL_MINT:
        raise InvalidReply("sell simulation: no account with the proceeds")
    return SaleFacts(spent_lamports=spent_lamports, proceeds_lamports=account.amount_raw)


def _read_failure(error: Any, spent: int, bought_at: int) -> SaleFacts:
    failed = error.get("InstructionError") if isinstance(error, dict) else None
    if not isinstance(failed, list) or len(failed) != 2 or not isinstance(failed[0], int):
        return SaleFacts(spent_lamports=spent, unavailable=f"sell simulation: {error!s:.80}")
    step, reason = failed
    if step < bought_at:
        return SaleFacts(spent_lamports=spent, unavailable=f"our wallet cannot try it: {reason}")
    if step == bought_at and reason == STALE_QUOTE:
        raise _QuoteStale
    what = "buying" if step == bought_at else "selling"
    return SaleFacts(spent_lamports=spent, problem=f"{what} it fails on chain: {reason!s:.80}")
