"""What a trade needs to know about the outside at once, kept fresh ahead of time by a background loop."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.market_readings import Failed, Known
from trading.domain.tips import TipFloor
from trading.gateways.base import GatewayError
from trading.gateways.chain_facts import Blockhash
from trading.gateways.connect import Gateways
from trading.gateways.prices import PriceSources
from trading.writer import StorageUnavailable

log = logging.getLogger("conditions")
BLOCKHASH_SECONDS = 1.0
BALANCE_SECONDS = 1.0
SLOW_SECONDS = 10.0
TIP_ACCOUNTS_SECONDS = 30.0
BLOCKHASH_LIFETIME = timedelta(seconds=20)
BALANCE_LIFETIME = timedelta(seconds=30)
SOL_PRICE_LIFETIME = timedelta(minutes=5)
TIP_FLOOR_LIFETIME = timedelta(minutes=2)
TIP_ACCOUNTS_LIFETIME = timedelta(minutes=2)


class Conditions:
    """The latest blockhash, our balance, SOL/USD, tip floor and tip accounts, each with its age limit.

    Beside them the tips that our own last bundles landed with, which do not grow old.

    Every reader returns None for what is too old: a trade then waits or is denied, it never guesses.
    """

    def __init__(
        self,
        gateways: Gateways,
        *,
        wallet: str,
        clock: Callable[[], datetime],
        chance: random.Random,
        read_landed_tips: Callable[[], Awaitable[tuple[int, ...]]] | None = None,
    ) -> None:
        self._gateways, self._wallet = gateways, wallet
        self._clock, self._chance = clock, chance
        self._read_landed_tips = read_landed_tips
        self._sources = PriceSources(
            jupiter=gateways.jupiter, market_data=gateways.market_data, clock=clock
        )
        self.landed_tips: tuple[int, ...] = ()
        self._seen: dict[str, tuple[datetime, object]] = {}

    @property
    def blockhash(self) -> Blockhash | None:
        return self._fresh("blockhash", BLOCKHASH_LIFETIME)  # type: ignore[return-value]

    @property
    def balance_lamports(self) -> int | None:
        return self._fresh("balance", BALANCE_LIFETIME)  # type: ignore[return-value]

    @property
    def balance_at(self) -> datetime | None:
        """When the balance was asked for: whatever was booked since is not in it for sure."""
        seen = self._seen.get("balance")
        return None if seen is None else seen[0]

    @property
    def sol_price_usd(self) -> Decimal | None:
        return self._fresh("sol_price", SOL_PRICE_LIFETIME)  # type: ignore[return-value]

    @property
    def tip_floor(self) -> TipFloor | None:
        return self._fresh("tip_floor", TIP_FLOOR_LIFETIME)  # type: ignore[return-value]

    def tip_account(self) -> str | None:
        """One of the block engine's accounts at random; None when no bundle can be sent.

        An engine that has not named its accounts for a while is not there: then nothing is bundled.
        """
        accounts: tuple[str, ...] | None = self._fresh("tip_accounts", TIP_ACCOUNTS_LIFETIME)  # type: ignore[assignment]
        return self._chance.choice(accounts) if accounts else None

    async def refresh_once(self) -> None:
        """Ask for everything; what does not answer is logged and stays as it was."""
        await asyncio.gather(self._blockhash(), self._balance(), self._slow(), self._tip_accounts())

    async def keep_fresh(self) -> None:
        """Refresh for ever, each fact at its own pace."""
        await asyncio.gather(
            self._repeat(BLOCKHASH_SECONDS, self._blockhash),
            self._repeat(BALANCE_SECONDS, self._balance),
            self._repeat(SLOW_SECONDS, self._slow),
            # Each question of these is one that a bundle cannot be sent by: the engine allows one a second.
            self._repeat(TIP_ACCOUNTS_SECONDS, self._tip_accounts),
        )

    async def keep_price_fresh(self) -> None:
        """Refresh SOL/USD alone for ever: all that the books ask of the outside."""
        await self._repeat(SLOW_SECONDS, self._sol_price)

    async def _balance(self) -> None:
        await self._keep("balance", lambda: self._gateways.rpc.balance(self._wallet))

    async def _blockhash(self) -> None:
        await self._keep("blockhash", lambda: self._gateways.rpc.latest_blockhash("confirmed"))

    async def _tip_accounts(self) -> None:
        await self._keep("tip_accounts", self._gateways.block_engine.tip_accounts)

    async def _slow(self) -> None:
        await asyncio.gather(
            self._sol_price(),
            self._keep("tip_floor", self._gateways.block_engine.tip_floor),
            self._remember_landed_tips(),
        )

    async def _sol_price(self) -> None:
        await self._keep("sol_price", self._ask_sol_price)

    async def _remember_landed_tips(self) -> None:
        """Our own rows, read here so that no trade has to."""
        if self._read_landed_tips is None:
            return
        try:
            self.landed_tips = await self._read_landed_tips()
        except StorageUnavailable as error:
            log.warning("landed tips: %s", error)

    async def _ask_sol_price(self) -> Decimal | None:
        match await self._sources.sol_usd():
            case Known(value=usd):
                return usd
            case Failed(text=text):
                log.warning("sol_price: %s", text)
        return None

    async def _keep(self, name: str, ask: Callable[[], Awaitable[object]]) -> None:
        asked_at = self._clock()
        try:
            value = await ask()
        except GatewayError as error:
            log.warning("%s: %s", name, error)
            return
        if value is not None:
            self._seen[name] = (asked_at, value)

    def _fresh(self, name: str, lifetime: timedelta) -> object | None:
        seen = self._seen.get(name)
        if seen is None or self._clock() - seen[0] > lifetime:
            return None
        return seen[1]

    @staticmethod
    async def _repeat(seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception:
                # Whoever reads finds it too old; the process, and with it the exits, goes on.
                log.exception("conditions cannot be refreshed")
            await asyncio.sleep(seconds)
