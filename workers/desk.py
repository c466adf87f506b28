"""Everything a trade needs at hand: gateways, writer, key, fresh conditions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from trading.domain.values import Route
from trading.facts.sales import SaleDesk
from trading.facts.tokens import TokenDesk
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
from trading.writer import GroupWriter
from workers.conditions import Conditions

T = TypeVar("T")
COMPUTE_UNIT_LIMIT = 600_000
COMPUTE_UNIT_PRICE_MICRO_LAMPORTS = 5_000
FREE_COMPUTE_UNITS = 200
"""So many fewer cost the same fee: it is rounded up to whole lamports."""
NETWORK_FEE_LAMPORTS = 5_000 + COMPUTE_UNIT_LIMIT * COMPUTE_UNIT_PRICE_MICRO_LAMPORTS // 1_000_000


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

    async def build_swap(
        self,
        quote: Quote,
        *,
        tip: Tip | None,
        variant: int,
        closing: Closing | None = None,
        instructions: SwapInstructions | None = None,
    ) -> tuple[SignedTransaction, int]:
        """A signed swap by this quote and the last block height at which it can land.

        `variant` differs from try to try: with the same blockhash, amounts and route a new try would
        otherwise have the bytes, and so the signature, of the dead one before. `instructions` are those of
        exactly this quote, when the caller has them already. GatewayError when something outside did not
        answer; nothing has been sent then.
        """
        if instructions is None:
            instructions = await self.gateways.jupiter.swap_instructions(quote, owner=self.address)
        tables = await self.tables.fetch(instructions.lookup_table_addresses)
        blockhash = self.conditions.blockhash
        if blockhash is None:
            blockhash = await self.gateways.rpc.latest_blockhash("confirmed")
        signed = assemble(
            instructions=instructions,
            signer=self.signer,
            blockhash=blockhash.hash,
            compute_unit_limit=COMPUTE_UNIT_LIMIT - variant % FREE_COMPUTE_UNITS,
            compute_unit_price_micro_lamports=COMPUTE_UNIT_PRICE_MICRO_LAMPORTS,
            tip=tip,
            closing=closing,
            lookup_tables=tables,
        )
        return signed, blockhash.last_valid_block_height

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
    )


async def settle(tasks: set["asyncio.Task[None]"], *, seconds: float) -> None:
    """Let running work finish for a while before the process ends; what is left, recovery finds."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
