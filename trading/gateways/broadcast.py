"""One signed transaction given to every RPC endpoint, and what the answers prove together."""

import asyncio
import base64
from collections.abc import Sequence

from trading.gateways.base import GatewayError, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.failover import Endpoint
from trading.gateways.shapes import as_signature
from trading.gateways.transactions import signature_of

# The first broadcast is the executor's own retry loop: the node must not add a second one.
_OPTIONS = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}


class Broadcast:
    """Sends survive the caller's cancellation; `aclose` ends those still under way."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)
        self._under_way: set[asyncio.Task[None]] = set()

    async def send(self, wire: bytes) -> str:
        """The signature as soon as one endpoint took the bytes; the slower ones go on behind.

        Bytes that have landed already count as taken. Raises Refused when every endpoint refused,
        else Unavailable (RateLimited when nothing but that happened), MalformedTransaction.
        """
        signature = signature_of(wire)
        pending = {self._start(endpoint, wire, signature) for endpoint in self._awake()}
        failures: list[GatewayError] = []
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                failure = task.exception()
                if failure is None:
                    return signature
                if not isinstance(failure, GatewayError):
                    raise failure
                failures.append(failure)
        raise _conclusion(failures)

    async def aclose(self) -> None:
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _awake(self) -> Sequence[Endpoint]:
        """Those that did not ask us to wait; all, when every one did."""
        awake = [each for each in self._endpoints if not each.allowance.rest_seconds()]
        return awake or self._endpoints

    def _start(self, endpoint: Endpoint, wire: bytes, signature: str) -> asyncio.Task[None]:
        task = asyncio.create_task(_give(endpoint, wire, signature))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Reading it tells asyncio that a failure after the first success was seen.
            task.exception()


async def _give(endpoint: Endpoint, wire: bytes, signature: str) -> None:
    params = [base64.b64encode(wire).decode(), _OPTIONS]
    try:
        answer = as_signature(await endpoint.call("sendTransaction", params), "sendTransaction")
    except Refused as refusal:
        if _has_landed(refusal):
            return
        raise
    if answer != signature:
        raise InvalidReply(f"{endpoint.name}: took the transaction as another one")


def _has_landed(refusal: Refused) -> bool:
    data = refusal.data
    return isinstance(data, dict) and data.get("err") == "AlreadyProcessed"


def _conclusion(failures: Sequence[GatewayError]) -> GatewayError:
    if not failures:
        return Unavailable("no RPC endpoint is configured")
    refusals = [failure for failure in failures if isinstance(failure, Refused)]
    if len(refusals) == len(failures):
        return refusals[0]
    text = "; ".join(str(failure) for failure in failures)
    limits = [failure for failure in failures if isinstance(failure, RateLimited)]
    if len(limits) < len(failures):
        return Unavailable(text)
    waits = [limit.retry_after_seconds for limit in limits if limit.retry_after_seconds]
    return RateLimited(text, retry_after_seconds=min(waits, default=None))
