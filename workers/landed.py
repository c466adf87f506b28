"""Landed transactions as the chain tells them; those asked for at the same moment share a request."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.rpc import Rpc

log = logging.getLogger("landed")
Reply = dict[str, Any] | None
TOGETHER = 20
"""So many in one request at most: each counts against our allowance, and all wait for the whole reply."""
ALONE_AT_ONCE = 8
ALONE_SECONDS = 600.0
"""How long nobody is asked for several at once after that went wrong: many plans do not allow it."""


class Landed:
    """Answers for one signature as `Rpc.transaction` does.

    What one request for several did not bring is asked for alone, with every endpoint there is: that somebody
    takes no batches, or has lost one transaction of many, keeps none out of the books.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._asked: list[tuple[str, asyncio.Future[Reply]]] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(ALONE_AT_ONCE)
        self._alone_until = 0.0

    async def transaction(self, signature: str) -> Reply:
        """The raw transaction, None where the node does not know it; a GatewayError when nobody tells."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked.append((signature, future))
        if len(self._asked) == 1:
            # It begins when everybody who can go on now has asked.
            task = asyncio.create_task(self._ask_all())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return await future

    async def _ask_all(self) -> None:
        asked, self._asked = self._asked, []
        parts = [asked[start : start + TOGETHER] for start in range(0, len(asked), TOGETHER)]
        await asyncio.gather(*(self._ask(part) for part in parts))

    async def _ask(self, part: Sequence[tuple[str, "asyncio.Future[Reply]"]]) -> None:
        replies = await self._together([signature for signature, _ in part])
        await asyncio.gather(
            *(
                self._answer(signature, future, reply)
                for (signature, future), reply in zip(part, replies, strict=True)
            )
        )

    async def _answer(
        self, signature: str, future: "asyncio.Future[Reply]", reply: Reply | GatewayError
    ) -> None:
        try:
            if isinstance(reply, GatewayError):
                async with self._room:
                    reply = await self._rpc.transaction(signature)
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(reply)

    async def _together(self, signatures: Sequence[str]) -> Sequence[Reply | GatewayError]:
        """Errors for all where they have to be asked for alone."""
        now = asyncio.get_running_loop().time()
        if len(signatures) == 1 or now < self._alone_until:
            return [Unavailable("not asked for together")] * len(signatures)
        try:
            return await self._rpc.transactions_together(signatures)
        except GatewayError as error:
            log.warning("asking for each alone from now on: %s", error)
        except Exception:
            # Whoever waits must get an answer, whatever came instead of one.
            log.exception("what was asked for together cannot be read")
        self._alone_until = now + ALONE_SECONDS
        return [Unavailable("nothing came together")] * len(signatures)
