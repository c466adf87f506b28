"""Everything a trade needs at hand: gateways, writer, key, fresh conditions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from solders.address_lookup_table_account import AddressLookupTableAccount

from trading.collected import Collected
from trading.domain.values import Action, Route
from trading.facts.sales import SaleDesk
from trading.facts.tokens import TokenDesk
from trading.gateways.chain_facts import Blockhash
from trading.gateways.connect import Gateways
from trading.gateways.jupiter import Quote
from trading.gateways.lookup_tables import LookupTables
from trading.gateways.transactions import (
    Closing,
    SignedTransaction,
    Signer,
    SwapInstructions,
    Tip,
    assemble,
)
from trading.services.orders import Sent, SignedOrder, mark_sent
from trading.writer import GroupWriter
from workers.conditions import Conditions

T = TypeVar("T")
COMPUTE_UNIT_LIMIT = 600_000
COMPUTE_UNIT_PRICE_MICRO_LAMPORTS = 5_000
MARKING_SECONDS = 0.03
"""Nobody waits for the mark of what has left, so many share a transaction."""
FREE_COMPUTE_UNITS = 200
"""So many fewer cost the same fee: it is rounded up to whole lamports."""
NETWORK_FEE_LAMPORTS = 5_000 + COMPUTE_UNIT_LIMIT * COMPUTE_UNIT_PRICE_MICRO_LAMPORTS // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """Everything from outside that a signed swap is made of; it can land until that block height."""

    instructions: SwapInstructions
    tables: tuple[AddressLookupTableAccount, ...]
    blockhash: Blockhash


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whoever signs is opened once, at start, and its address derived once."""

    gateways: Gateways
    writer: GroupWriter
    conditions: Conditions
    tokens: TokenDesk
    sales: SaleDesk
    tables: LookupTables
    signer: Signer
    address: str
    clock: Callable[[], datetime]
    mark_sent: Collected[Sent, None]

    async def materials(
        self, quote: Quote, *, instructions: SwapInstructions | None = None
    ) -> Materials:
        """What a swap by this quote is signed from; `instructions` are those of exactly this quote, when
        the caller has them already. GatewayError when something outside did not answer.
        """
        if instructions is None:
            instructions = await self.gateways.jupiter.swap_instructions(quote, owner=self.address)
        tables = await self.tables.fetch(instructions.lookup_table_addresses)
        blockhash = self.conditions.blockhash
        if blockhash is None:
            blockhash = await self.gateways.rpc.latest_blockhash("confirmed")
        return Materials(instructions=instructions, tables=tuple(tables), blockhash=blockhash)

    def sign(
        self,
        materials: Materials,
        *,
        tip: Tip | None,
        variant: int,
        closing: Closing | None = None,
    ) -> SignedTransaction:
        """A signed swap; UnableToAssemble or TransactionTooLarge where none can be made of this.

        `variant` differs from try to try: with the same blockhash, amounts and route a new try would
        otherwise have the bytes, and so the signature, of the dead one before.
        """
        return assemble(
            instructions=materials.instructions,
            signer=self.signer,
            blockhash=materials.blockhash.hash,
            compute_unit_limit=COMPUTE_UNIT_LIMIT - variant % FREE_COMPUTE_UNITS,
            compute_unit_price_micro_lamports=COMPUTE_UNIT_PRICE_MICRO_LAMPORTS,
            tip=tip,
            closing=closing,
            lookup_tables=materials.tables,
        )

    def sign_order(
        self,
        *,
        action: Action,
        quote: Quote,
        materials: Materials,
        tip: Tip | None,
        variant: int,
        waited_microseconds: int,
        closing: Closing | None = None,
    ) -> SignedOrder:
        """A swap by this quote, signed as `sign` does and ready to be recorded: a bundle where it pays a tip."""
        signed = self.sign(materials, tip=tip, variant=variant, closing=closing)
        bundle_id = self.gateways.block_engine.bundle_id
        return SignedOrder(
            action=action,
            route=Route.STANDARD if tip is None else Route.JITO,
            signature=signed.signature,
            bundle_id="" if tip is None else bundle_id([signed.signature]),
            wire=signed.wire,
            last_valid_block_height=materials.blockhash.last_valid_block_height,
            tip_lamports=0 if tip is None else tip.lamports,
            in_amount_raw=quote.in_amount_raw,
            quoted_out_raw=quote.out_amount_raw,
            minimum_out_raw=quote.minimum_out_raw,
            waited_microseconds=waited_microseconds,
        )

    def choose_tip(self, *, route: Route, lamports: int) -> Tip | None:
        """The tip to one of the block engine's accounts, or None where no bundle can be or is to be sent."""
        account = self.conditions.tip_account() if route is Route.JITO and lamports > 0 else None
        return None if account is None else Tip(account=account, lamports=lamports)


def open_desk_with(
    *,
    gateways: Gateways,
    writer: GroupWriter,
    conditions: Conditions,
    signer: Signer,
    clock: Callable[[], datetime],
) -> Desk:
    """A desk over these parts, with nothing asked yet."""
    tables = LookupTables(gateways.rpc)
    return Desk(
        gateways=gateways,
        writer=writer,
        conditions=conditions,
        tokens=TokenDesk(gateways, clock=clock),
        sales=SaleDesk(gateways, owner=signer.pubkey, tables=tables, clock=clock),
        tables=tables,
        signer=signer,
        address=str(signer.pubkey),
        clock=clock,
        mark_sent=Collected(writer, mark_sent, pause_seconds=MARKING_SECONDS),
    )


async def settle(tasks: set["asyncio.Task[None]"], *, seconds: float) -> None:
    """Let running work finish for a while before the process ends; what is left, recovery finds."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
