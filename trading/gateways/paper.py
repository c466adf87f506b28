"""Where paper mode plugs in: what stands before each node and the block engine, so that reads go out and
nothing is ever sent. Who keeps the ledger of what was not sent is behind the port `PaperMarket`.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from trading.gateways.base import GatewayError, Refused, Unavailable
from trading.gateways.json_rpc import Caller
from trading.gateways.transactions import signature_of

Json = dict[str, Any]

_READS = frozenset(
    {
        "getAccountInfo", "getBalance", "getBlockHeight", "getBlockTime", "getEpochInfo", "getHealth",
        "getLatestBlockhash", "getMinimumBalanceForRentExemption", "getMultipleAccounts",
        "getRecentPrioritizationFees", "getSignatureStatuses", "getSignaturesForAddress", "getSlot",
        "getTokenAccountsByOwner", "getTokenLargestAccounts", "getTokenSupply", "getTransaction",
        "getVersion", "getGenesisHash", "isBlockhashValid", "simulateTransaction",
    }
)  # fmt: skip
"""All that is passed on to a node. Whatever else there is, now or later, is refused here."""
_ENGINE_READS = frozenset({"getTipAccounts"})


class PaperMarket(Protocol):
    """The ledger of what was not sent; every answer rests on committed rows.

    Results have the shapes of Solana's RPC, None is what it does not know. `node` is a real node, for
    what has to be asked to answer.
    """

    @property
    def wallet(self) -> str: ...

    async def accept(self, wire: bytes, *, node: Caller) -> None:
        """Take a recorded submission once, however often it is offered; Refused for any other bytes."""

    async def statuses(self, signatures: Sequence[str], *, node: Caller) -> list[Json | None]:
        """`getSignatureStatuses`; what is due lands or fails before this answers."""

    async def transaction(self, signature: str) -> Json | None:
        """`getTransaction`, encoding json."""

    async def signatures_for(self, address: str, options: Json) -> list[Json] | None:
        """`getSignaturesForAddress`; None: not an address of ours."""

    async def balance(self) -> int:
        """Lamports of the paper wallet."""

    async def accounts(self, addresses: Sequence[str]) -> dict[str, Json | None]:
        """Those of these addresses that are token accounts of ours; None: closed, or not yet open."""

    async def holdings(self, token_program: str) -> list[Json]:
        """`getTokenAccountsByOwner`, jsonParsed, of the paper wallet."""


class PaperNode:
    """A real node for everything that only reads, and the paper market for everything that is ours."""

    def __init__(self, real: Caller, market: PaperMarket) -> None:
        self._real, self._market = real, market
        self._answers = {
            "sendTransaction": self._send,
            "getSignatureStatuses": self._statuses,
            "getTransaction": self._transaction,
            "getSignaturesForAddress": self._signatures,
            "getBalance": self._balance,
            "getAccountInfo": self._account,
            "getMultipleAccounts": self._accounts,
            "getTokenAccountsByOwner": self._holdings,
        }

    @property
    def name(self) -> str:
        return self._real.name

    async def call(self, method: str, params: list[Any]) -> Any:
        """As JsonRpc.call; Refused for every method that is not known to only read."""
        answer = self._answers.get(method)
        return await (answer(params) if answer else self._pass_on(method, params))

    async def call_many(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        """As JsonRpc.call_many, one by one: each may be ours."""
        return [await self._call_or_error(method, each) for each in params]

    async def _call_or_error(self, method: str, params: list[Any]) -> Any:
        try:
            return await self.call(method, params)
        except GatewayError as error:
            return error

    async def _pass_on(self, method: str, params: list[Any]) -> Any:
        if method not in _READS:
            raise _never(method)
        return await self._real.call(method, params)

    async def _send(self, params: list[Any]) -> str:
        wire = base64.b64decode(params[0])
        await self._market.accept(wire, node=self._real)
        return signature_of(wire)

    async def _statuses(self, params: list[Any]) -> Json:
        """The node's own answer, whose slot says how far it has seen, and ours over it."""
        answer: Json = await self._pass_on("getSignatureStatuses", params)
        ours = await self._market.statuses(params[0], node=self._real)
        return {**answer, "value": ours}

    async def _transaction(self, params: list[Any]) -> Any:
        ours = await self._market.transaction(params[0])
        return ours or await self._pass_on("getTransaction", params)

    async def _signatures(self, params: list[Any]) -> Any:
        ours = await self._market.signatures_for(params[0], params[1])
        if ours is None:
            return await self._pass_on("getSignaturesForAddress", params)
        return ours

    async def _balance(self, params: list[Any]) -> Any:
        if params[0] != self._market.wallet:
            return await self._pass_on("getBalance", params)
        return _with_context(await self._market.balance())

    async def _account(self, params: list[Any]) -> Any:
        ours = await self._market.accounts(params[:1])
        if params[0] in ours:
            return _with_context(ours[params[0]])
        return await self._pass_on("getAccountInfo", params)

    async def _accounts(self, params: list[Any]) -> Any:
        addresses = params[0]
        ours = await self._market.accounts(addresses)
        if all(address in ours for address in addresses):
            return _with_context([ours[address] for address in addresses])
        answer: Json = await self._pass_on("getMultipleAccounts", params)
        if not ours or not isinstance(answer.get("value"), list):
            return answer
        told = zip(addresses, answer["value"], strict=False)
        return {**answer, "value": [ours.get(address, real) for address, real in told]}

    async def _holdings(self, params: list[Any]) -> Any:
        if params[0] != self._market.wallet:
            return await self._pass_on("getTokenAccountsByOwner", params)
        return _with_context(await self._market.holdings(params[1]["programId"]))


class PaperEngine:
    """A block engine that takes every bundle to the paper market and asks the real one only who is tipped."""

    def __init__(self, real: Caller, market: PaperMarket, *, nodes: Sequence[Caller]) -> None:
        self._real, self._market, self._nodes = real, market, tuple(nodes)

    @property
    def name(self) -> str:
        return self._real.name

    async def call(self, method: str, params: list[Any]) -> Any:
        """As JsonRpc.call; Refused for what neither we answer nor only reads."""
        if method == "sendBundle":
            return await self._send(params[0])
        if method in ("getInflightBundleStatuses", "getBundleStatuses"):
            # What has landed is on the paper chain, and nothing is on its way to any engine.
            return _with_context([])
        if method not in _ENGINE_READS:
            raise _never(method)
        return await self._real.call(method, params)

    async def _send(self, encoded: list[str]) -> str:
        wires = [base64.b64decode(each) for each in encoded]
        if not self._nodes:
            raise Unavailable("no RPC endpoint is configured")
        for wire in wires:
            await self._market.accept(wire, node=self._nodes[0])
        return hashlib.sha256(",".join(map(signature_of, wires)).encode()).hexdigest()


def _with_context(value: Any) -> Json:
    return {"context": {"slot": 0}, "value": value}


def _never(method: str) -> Refused:
    message = "paper mode only reads"
    return Refused(f"{method}: {message}", code=-32601, message=message)
