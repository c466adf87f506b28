"""What a position would bring if it were sold now: its mark while nobody tells a price."""

import asyncio
import logging
from decimal import Decimal
from uuid import UUID

from trading.domain.pnl import price_sol
from trading.domain.values import WSOL_MINT
from trading.gateways.base import GatewayError
from trading.gateways.jupiter import Jupiter
from trading.models import Position

log = logging.getLogger("quotes")
SLIPPAGE_BPS = 500
PATIENCE_SECONDS = 0.7


class SaleQuotes:
    """One question a position is under way; whoever looks waits less than a step for it.

    Quotes share an allowance with everything else, so many silent prices at once would keep the other
    positions' stops waiting. A late answer is taken at the next look.
    """

    def __init__(self, jupiter: Jupiter) -> None:
        self._jupiter = jupiter
        self._asked: dict[UUID, asyncio.Task[Decimal | None]] = {}

    async def price_sol(self, position: Position) -> Decimal | None:
        """SOL per whole token, fees and impact inside; None when there is no answer by now."""
        asking = self._asked.get(position.pk)
        if asking is None:
            asking = self._asked[position.pk] = asyncio.create_task(self._ask(position))
        await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
        if not asking.done():
            return None
        del self._asked[position.pk]
        return asking.result()

    async def _ask(self, position: Position) -> Decimal | None:
        try:
            quote = await self._jupiter.quote(
                input_mint=position.mint,
                output_mint=WSOL_MINT,
                amount_raw=position.held_raw,
                slippage_bps=SLIPPAGE_BPS,
            )
        except GatewayError as error:
            log.info("%s: %s", position.symbol, error)
            return None
        return price_sol(
            lamports=quote.out_amount_raw, token_raw=position.held_raw, decimals=position.decimals
        )
