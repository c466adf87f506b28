"""What the outside says about a token, gathered before a buy and kept for as long as it may be trusted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from trading.domain.safety import MintFacts, TokenFacts, parse_mint
from trading.domain.values import QUOTE_MINTS, WSOL_MINT
from trading.gateways.base import GatewayError
from trading.gateways.connect import Gateways

T = TypeVar("T")
MINT_LIFETIME = timedelta(hours=1)
MARKET_LIFETIME = timedelta(seconds=60)
DEADLINE_SECONDS = 1.5
RETRY_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    until: datetime


class TokenDesk:
    """Token facts with their lifetimes: the mint an hour, liquidity and price a minute.

    One question per mint is under way at a time; whoever asks meanwhile gets its answer. Nothing that
    failed is kept.
    """

    def __init__(self, gateways: Gateways, *, clock: Callable[[], datetime]) -> None:
        self._gateways = gateways
        self._clock = clock
        self._kept: dict[str, _Kept[TokenFacts]] = {}
        self._mints: dict[str, _Kept[MintFacts]] = {}
        self._flights: dict[str, asyncio.Task[TokenFacts]] = {}

    async def facts(self, mint: str) -> TokenFacts:
        """The facts of a mint; a source that does not answer within 1.5 s is named in `unavailable`."""
        kept = self._kept.get(mint)
        if kept is not None and self._clock() < kept.until:
            return kept.value
        flight = self._flights.get(mint)
        if flight is None:
            flight = asyncio.create_task(self._ask(mint))
            self._flights[mint] = flight
            flight.add_done_callback(lambda _: self._flights.pop(mint, None))
        return await asyncio.shield(flight)

    async def _ask(self, mint: str) -> TokenFacts:
        if mint in QUOTE_MINTS:
            return TokenFacts(mint=mint)
        gathering = asyncio.create_task(self._gather(mint))
        # Not asyncio.timeout: an HTTP time-out at the same moment would swallow its cancellation.
        done, _ = await asyncio.wait({gathering}, timeout=DEADLINE_SECONDS)
        if not done:
            gathering.cancel()
            return TokenFacts(mint=mint, unavailable="a source of token facts")
        facts = gathering.result()
        if not facts.unavailable:
            self._kept[mint] = _Kept(facts, self._clock() + MARKET_LIFETIME)
        return facts

    async def _gather(self, mint: str) -> TokenFacts:
        account, pair, price = await asyncio.gather(
            self._persist(lambda: self._mint(mint)),
            self._persist(lambda: self._gateways.market_data.pair(mint)),
            self._persist(lambda: self._price_sol(mint)),
        )
        if isinstance(account, GatewayError):
            return TokenFacts(mint=mint, unavailable="chain")
        if isinstance(pair, GatewayError):
            return TokenFacts(mint=mint, unavailable="liquidity")
        if isinstance(price, GatewayError):
            return TokenFacts(mint=mint, unavailable="price")
        return TokenFacts(
            mint=mint,
            is_found=account[0],
            facts=account[1],
            liquidity_usd=None if pair is None else pair.liquidity_usd,
            created_at=None if pair is None else pair.created_at,
            price_sol=price,
        )

    async def _persist(self, ask: Callable[[], Awaitable[T]]) -> T | GatewayError:
        """The answer, asked for again until the deadline cuts it off; the last error if it never came."""
        attempts = 0
        while True:
            try:
                return await ask()
            except GatewayError as error:
                attempts += 1
                if attempts == 4:
                    return error
            await asyncio.sleep(RETRY_PAUSE_SECONDS * attempts)

    async def _mint(self, mint: str) -> tuple[bool, MintFacts | None]:
        kept = self._mints.get(mint)
        if kept is not None and self._clock() < kept.until:
            return True, kept.value
        account = await self._gateways.rpc.account(mint)
        if account is None:
            return False, None
        facts = parse_mint(account.data, owner=account.owner)
        if facts is not None:
            self._mints[mint] = _Kept(facts, self._clock() + MINT_LIFETIME)
        return True, facts

    async def _price_sol(self, mint: str) -> Decimal | None:
        prices = await self._gateways.jupiter.prices_usd([mint, WSOL_MINT])
        token, sol = prices.get(mint), prices.get(WSOL_MINT)
        if token is None or sol is None or sol.usd <= 0 or token.usd <= 0:
            return None
        return token.usd / sol.usd
