"""The chain as Scout asks it: patiently, behind everybody else, from threads that know no event loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.conf import settings

from trading.domain.values import WSOL_MINT
from trading.gateways.base import Endpoints, GatewayError, RateLimited, Unavailable
from trading.gateways.connect import connect
from trading.gateways.rpc import Rpc
from trading.outside import endpoints

T = TypeVar("T")
log = logging.getLogger("scout")
TRIES = 4
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
TIMEOUT_SECONDS = 20.0
REPLY_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class ChainReader:
    """Signatures and transactions, for one thread. GatewayError when nobody answers after several tries."""

    rpc: Rpc
    runner: asyncio.Runner
    sleep: Callable[[float], None] = time.sleep

    def greet(self) -> None:
        """Return when a node answers at all; its GatewayError after one try when none does."""
        self.runner.run(self.rpc.slot())

    def signatures(
        self, address: str, *, limit: int, before: str | None = None, until: str | None = None
    ) -> list[dict[str, Any]]:
        """Newest first, those after `before` and newer than `until`."""
        return self._patiently(
            lambda: self.rpc.signatures_for_address(
                address, limit=limit, before=before, until=until
            )
        )

    def transactions(self, signatures: Sequence[str]) -> list[dict[str, Any] | GatewayError | None]:
        """In the order asked; None for what no node knows, an error where one could not be had."""
        return self._patiently(lambda: self.rpc.transactions(signatures))

    def _patiently(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Whoever asks us to wait is left alone for so long; whoever is away is asked again later."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(TRIES - 1):
            try:
                return self.runner.run(ask())
            except Unavailable as error:
                wanted = error.retry_after_seconds if isinstance(error, RateLimited) else None
                log.info("waiting for the chain: %s", error)
                self.sleep(min(max(pause, wanted or 0.0), LONGEST_PAUSE_SECONDS))
                pause *= 2
        return self.runner.run(ask())


@contextmanager
def open_chain(outside: Endpoints | None = None) -> Iterator[ChainReader]:
    """The configured nodes, with Scout's own share of what they allow."""
    places = replace(
        outside or endpoints(),
        rpc_requests_per_second=settings.SCOUT_RPC_REQUESTS_PER_SECOND,
        timeout_seconds=TIMEOUT_SECONDS,
        reply_limit_bytes=REPLY_LIMIT_BYTES,
        probe_seconds=0.0,
    )
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        gateways = runner.run(stack.enter_async_context(connect(places)))
        try:
            yield ChainReader(rpc=gateways.rpc, runner=runner)
        finally:
            runner.run(stack.aclose())


def sol_price_usd(outside: Endpoints | None = None) -> str | None:
    """SOL in USD now, as text for a run's parameters; None when nobody tells."""
    places = replace(outside or endpoints(), probe_seconds=0.0)

    async def ask() -> str | None:
        async with connect(places) as gateways:
            prices = await gateways.jupiter.prices_usd([WSOL_MINT])
        return str(prices[WSOL_MINT].usd) if WSOL_MINT in prices else None

    try:
        return asyncio.run(ask())
    except GatewayError as error:
        log.warning("SOL's price is not known: %s", error)
        return None
